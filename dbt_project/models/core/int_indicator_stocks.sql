-- Stocks at each month-end on both bases, by counting the ends of intervals: +n at the first month-end that an interval
-- covers, -n at the first that it no longer does, and a running sum. A record counts on period P at closing when
-- counted_from <= P < counted_to and known_from <= P + lag < known_to; moved by the lag, both are intervals of P.
with

evidence as (

    select * from {{ ref('int_indicator_evidence') }}

),

-- a figure closes by the lag of the indicator that shows it: one stock may serve indicators with different lags
lags as (

    select distinct closing_lag_days from {{ ref('plan_indicators') }}

),

periods as (

    select
        source_id,
        period_end,
        as_of_date
    from {{ ref('int_reporting_periods') }}

),

bounds as (

    select
        source_id,
        min(period_end) as first_period,
        max(period_end) as last_period
    from periods
    group by source_id

),

intervals as (

    select
        evidence.indicator_code,
        evidence.source_id,
        evidence.component_code,
        evidence.area_code,
        'latest' as basis,
        0 as closing_lag_days,
        evidence.record_count,
        evidence.counted_from as first_day,
        evidence.counted_to as last_day
    from evidence
    where evidence.known_to is null

    union all

    select
        evidence.indicator_code,
        evidence.source_id,
        evidence.component_code,
        evidence.area_code,
        'at_closing' as basis,
        lags.closing_lag_days,
        evidence.record_count,
        greatest(evidence.counted_from, evidence.known_from - lags.closing_lag_days) as first_day,
        -- least() passes over null: an end that is open on both clocks stays open
        least(evidence.counted_to, evidence.known_to - lags.closing_lag_days) as last_day
    from evidence
    cross join lags

),

month_intervals as (

    select
        intervals.indicator_code,
        intervals.source_id,
        intervals.component_code,
        intervals.area_code,
        intervals.basis,
        intervals.closing_lag_days,
        intervals.record_count,
        greatest({{ month_end('intervals.first_day') }}, bounds.first_period) as first_period,
        {{ month_end('intervals.last_day') }} as end_period
    from intervals
    inner join bounds on intervals.source_id = bounds.source_id
    where intervals.first_day <= bounds.last_period

),

covering as (

    select * from month_intervals
    where end_period is null or end_period > first_period

),

changes as (

    select
        indicator_code,
        source_id,
        component_code,
        area_code,
        basis,
        closing_lag_days,
        first_period as period_end,
        record_count as change_count
    from covering

    union all

    select
        indicator_code,
        source_id,
        component_code,
        area_code,
        basis,
        closing_lag_days,
        end_period as period_end,
        -record_count as change_count
    from covering
    where end_period is not null

),

monthly_changes as (

    select
        indicator_code,
        source_id,
        component_code,
        area_code,
        basis,
        closing_lag_days,
        period_end,
        sum(change_count) as change_count
    from changes
    group by indicator_code, source_id, component_code, area_code, basis, closing_lag_days, period_end

),

-- before its first record a series is unknown, not zero
series as (

    select
        indicator_code,
        source_id,
        component_code,
        area_code,
        basis,
        closing_lag_days,
        min(period_end) as first_period
    from monthly_changes
    group by indicator_code, source_id, component_code, area_code, basis, closing_lag_days

),

running as (

    select
        series.indicator_code,
        series.component_code,
        series.area_code,
        series.basis,
        series.closing_lag_days,
        sum(coalesce(monthly_changes.change_count, 0)) over (
            partition by
                series.indicator_code, series.component_code, series.area_code, series.basis, series.closing_lag_days
            order by periods.period_end
        ) as record_count,
        periods.period_end,
        periods.as_of_date
    from series
    inner join periods on series.source_id = periods.source_id and series.first_period <= periods.period_end
    left join monthly_changes
        on
            series.indicator_code = monthly_changes.indicator_code
            and series.component_code = monthly_changes.component_code
            and series.area_code = monthly_changes.area_code
            and series.basis = monthly_changes.basis
            and series.closing_lag_days = monthly_changes.closing_lag_days
            and periods.period_end = monthly_changes.period_end

),

final as (

    select
        running.indicator_code,
        running.component_code,
        running.area_code,
        running.basis,
        running.closing_lag_days,
        running.record_count::numeric as value,
        running.record_count::integer as source_count,
        running.period_end
    from running
    -- at closing only once the books of the period are closed, else the figure would still move
    where running.basis = 'latest' or running.period_end + running.closing_lag_days <= running.as_of_date

)

select * from final
