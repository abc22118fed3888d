-- The series that is judged: the headline component in the plan's own area. A missing value is no observation.
with

indicator_values as (
    select * from {{ ref('indicator_values') }}
),

indicator_components as (
    select * from {{ ref('indicator_components') }}
),

plans as (
    select * from {{ ref('plans') }}
),

final as (
    select
        concat_ws('|', indicator_values.plan_code, indicator_values.indicator_code, indicator_values.basis) as series_id,
        indicator_values.value,
        indicator_values.is_provisional,
        indicator_values.period_end
    from indicator_values
    inner join plans
        on
            indicator_values.plan_code = plans.plan_code
            and indicator_values.area_code = plans.area_code
    inner join indicator_components
        on
            indicator_values.plan_code = indicator_components.plan_code
            and indicator_values.indicator_code = indicator_components.indicator_code
            and indicator_values.component_code = indicator_components.component_code
            and indicator_components.is_headline
    where indicator_values.value is not null
)

select * from final
