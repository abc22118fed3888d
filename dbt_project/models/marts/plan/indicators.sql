with

indicators as (
    select * from {{ ref('plan_indicators') }}
),

final as (
    select
        plan_code,
        indicator_code,
        tier,
        plan_section,
        name_zh,
        name_en,
        unit,
        measure,
        target_rule,
        direction,
        baseline_qualifier,
        target_origin,
        source_family,
        frequency,
        definition as definition_en,
        null::text as definition_zh,
        plan_quote,
        baseline_year,
        baseline_value,
        target_year,
        target_value,
        closing_lag_days,
        accumulate_from
    from indicators
)

select * from final
