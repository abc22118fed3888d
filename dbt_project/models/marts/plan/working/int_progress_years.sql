-- The rules that look at each year: one row for each year up to the day of the verdict, for a stale indicator up to its
-- latest value. A year is closed on its last day.
with

inputs as (
    select * from {{ ref('int_progress_inputs') }}
    where target_rule in ('keep_growing', 'at_least_every_year', 'fall_to_zero') and latest_value is not null
),

observations as (
    select * from {{ ref('int_progress_observations') }}
),

bounded as (
    select
        *,
        case when is_stale then value_date else evaluated_on end as last_day
    from inputs
),

years as (
    select
        bounded.*,
        counter.year,
        make_date(counter.year, 12, 31) as year_end,
        make_date(counter.year, 12, 31) <= bounded.last_day as is_closed
    from bounded
    cross join lateral generate_series(
        extract(year from bounded.base_on)::integer + 1,
        extract(year from bounded.last_day)::integer
    ) as counter (year)
),

within_year as (
    select
        years.subject_id,
        years.year,
        max(observations.value) filter (where observations.period_end = years.year_end) as year_end_value,
        max(years.direction_sign * observations.value) as best_signed_value,
        bool_or(observations.is_provisional) as is_provisional
    from years
    inner join observations
        on
            years.series_id = observations.series_id
            and years.value_date >= observations.period_end
            and years.year = extract(year from observations.period_end)
    group by years.subject_id, years.year
),

stated as (
    select
        years.subject_id,
        years.series_id,
        years.target_rule,
        years.direction_sign,
        years.year,
        within_year.year_end_value,
        years.base_value,
        years.target_value,
        years.is_closed,
        years.year_end,
        years.direction_sign * within_year.best_signed_value as best_value,
        case
            when years.year = extract(year from years.base_on) + 1 then years.base_value
            else lag(within_year.year_end_value) over (partition by years.subject_id order by years.year)
        end as value_before,
        coalesce(within_year.is_provisional, false) as is_provisional
    from years
    left join within_year
        on
            years.subject_id = within_year.subject_id
            and years.year = within_year.year
),

final as (
    select
        subject_id,
        case target_rule
            when 'keep_growing' then {{ keep_growing_state('year_end_value', 'value_before') }}
            when 'fall_to_zero' then {{ fall_to_zero_state('year_end_value', 'value_before') }}
            else {{ every_year_state('best_value', 'year_end_value', 'target_value', 'direction_sign', 'is_closed') }}
        end as state,
        year,
        coalesce(year_end_value, case when target_rule = 'at_least_every_year' then best_value end) as value,
        value_before,
        case when value_before > 0 then round(year_end_value / value_before - 1, 12) end as growth_rate,
        is_closed,
        is_provisional,
        year_end
    from stated
    -- only one rule speaks of the running year
    where is_closed or target_rule = 'at_least_every_year'
)

select * from final
