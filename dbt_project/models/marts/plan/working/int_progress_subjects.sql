-- What is judged: one row for each indicator's headline component, day asked and basis, with all that the plan says of it.
-- On and after the last day of its target a ruled indicator is judged as of that day: the verdict of record.
with

plans as (
    select * from {{ ref('plans') }}
),

plan_indicators as (
    select * from {{ ref('plan_indicators') }}
),

indicator_components as (
    select * from {{ ref('indicator_components') }}
),

askings as (
    select * from {{ ref('int_progress_askings') }}
),

indicators as (
    select
        plan_indicators.plan_code,
        plan_indicators.indicator_code,
        indicator_components.component_code,
        plans.area_code,
        plan_indicators.target_rule,
        plan_indicators.closing_lag_days,
        plan_indicators.baseline_value as plan_base_value,
        plan_indicators.target_value,
        {{ direction_sign('plan_indicators.direction') }} as direction_sign,
        {{ period_months('plan_indicators.frequency') }} as period_months,
        case
            when plan_indicators.target_rule in ('keep_growing', 'at_least_every_year', 'fall_to_zero') then 12
            else {{ period_months('plan_indicators.frequency') }}
        end as judged_months,
        coalesce(make_date(plan_indicators.baseline_year, 12, 31), plans.base_date) as base_on,
        coalesce(make_date(plan_indicators.target_year, 12, 31), plans.end_date) as target_on
    from plan_indicators
    inner join plans on plan_indicators.plan_code = plans.plan_code
    inner join indicator_components
        on
            plan_indicators.plan_code = indicator_components.plan_code
            and plan_indicators.indicator_code = indicator_components.indicator_code
            and indicator_components.is_headline
),

bases as (
    select basis from (values ('at_closing'), ('latest')) as list (basis)
),

final as (
    select
        concat_ws('|', indicators.plan_code, indicators.indicator_code, bases.basis, askings.asked_on) as subject_id,
        concat_ws('|', indicators.plan_code, indicators.indicator_code, bases.basis) as series_id,
        indicators.plan_code,
        indicators.indicator_code,
        indicators.component_code,
        indicators.area_code,
        bases.basis,
        indicators.target_rule,
        indicators.direction_sign,
        indicators.period_months,
        indicators.closing_lag_days,
        indicators.plan_base_value,
        indicators.target_value,
        {{ whole_months('indicators.base_on', 'indicators.target_on') }} as total_months,
        indicators.target_rule <> 'monitor' and askings.asked_on >= indicators.target_on as is_of_record,
        indicators.base_on,
        {{ shift_months('indicators.base_on', 'indicators.judged_months') }} as first_period_end,
        indicators.target_on,
        askings.asked_on,
        case
            when indicators.target_rule = 'monitor' then askings.asked_on
            else least(askings.asked_on, indicators.target_on)
        end as evaluated_on
    from indicators
    inner join askings on indicators.plan_code = askings.plan_code
    cross join bases
)

select * from final
