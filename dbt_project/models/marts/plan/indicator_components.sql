with

plan_indicators as (
    select * from {{ ref('plan_indicators') }}
),

plan_components as (
    select * from {{ ref('plan_components') }}
),

house_components as (
    select * from {{ ref('house_components') }}
),

-- an indicator of one measure has one component, its total
totals as (
    select
        plan_indicators.plan_code,
        plan_indicators.indicator_code,
        'total' as component_code,
        '合计' as name_zh,
        'total' as name_en,
        plan_indicators.unit,
        true as is_headline
    from plan_indicators
    where not exists (
            select 1 from plan_components
            where
                plan_components.plan_code = plan_indicators.plan_code
                and plan_components.indicator_code = plan_indicators.indicator_code
        )
),

final as (
    select
        plan_code,
        indicator_code,
        component_code,
        name_zh,
        name_en,
        unit,
        is_headline
    from totals
    union all
    select
        plan_code,
        indicator_code,
        component_code,
        name_zh,
        name_en,
        unit,
        is_headline
    from plan_components
    union all
    select
        plan_code,
        indicator_code,
        component_code,
        name_zh,
        name_en,
        unit,
        is_headline
    from house_components
)

select * from final
