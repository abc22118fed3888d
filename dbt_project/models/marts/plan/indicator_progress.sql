with

verdicts as (
    select * from {{ ref('int_progress_verdicts') }}
),

projections as (
    select * from {{ ref('int_progress_projections') }}
),

plan_indicators as (
    select * from {{ ref('plan_indicators') }}
),

indicator_components as (
    select * from {{ ref('indicator_components') }}
),

words as (
    select * from {{ ref('status_words') }}
),

final as (
    select
        verdicts.plan_code,
        verdicts.indicator_code,
        verdicts.component_code,
        verdicts.area_code,
        verdicts.basis,
        verdicts.target_rule,
        plan_indicators.name_zh,
        indicator_components.unit,
        plan_indicators.direction,
        verdicts.pace_status,
        verdicts.growth_status,
        verdicts.verdict,
        verdicts.last_verdict,
        verdicts.reason,
        verdicts.growth_reason,
        pace_words.name_zh as pace_status_zh,
        growth_words.name_zh as growth_status_zh,
        verdict_words.name_zh as verdict_zh,
        last_words.name_zh as last_verdict_zh,
        reason_words.name_zh as reason_zh,
        growth_reason_words.name_zh as growth_reason_zh,
        verdict_words.color_name as verdict_color,
        verdicts.base_source,
        {{ release_id() }} as release_id,
        verdicts.base_value,
        verdicts.latest_value,
        verdicts.target_value,
        verdicts.later_value,
        verdicts.elapsed_share,
        verdicts.completion_share,
        verdicts.pace_ratio,
        verdicts.plain_rate,
        verdicts.growth_rate,
        verdicts.required_growth_rate,
        verdicts.growth_ratio,
        projections.projected_value,
        projections.projected_low,
        projections.projected_high,
        verdicts.yearly_amount_needed,
        verdicts.change_on_period,
        verdicts.change_on_year,
        verdicts.missing_periods,
        verdicts.subtask_count,
        verdicts.accepted_count,
        verdicts.overdue_count,
        verdict_words.sort_order as verdict_order,
        verdict_words.is_fine,
        verdicts.methods_disagree,
        verdicts.is_provisional,
        verdicts.is_stale,
        verdicts.is_of_record,
        verdicts.base_on as base_date,
        verdicts.asked_on as period_end,
        verdicts.evaluated_on as evaluated_date,
        verdicts.value_date,
        verdicts.later_value_date,
        verdicts.reached_on,
        verdicts.lost_on
    from verdicts
    inner join plan_indicators
        on
            verdicts.plan_code = plan_indicators.plan_code
            and verdicts.indicator_code = plan_indicators.indicator_code
    inner join indicator_components
        on
            verdicts.plan_code = indicator_components.plan_code
            and verdicts.indicator_code = indicator_components.indicator_code
            and verdicts.component_code = indicator_components.component_code
    left join projections on verdicts.subject_id = projections.subject_id
    left join words as pace_words on {{ status_word('pace_words', 'verdicts.pace_status', 'verdicts.target_rule') }}
    left join words as growth_words on {{ status_word('growth_words', 'verdicts.growth_status', 'verdicts.target_rule') }}
    left join words as verdict_words on {{ status_word('verdict_words', 'verdicts.verdict', 'verdicts.target_rule') }}
    left join words as last_words on {{ status_word('last_words', 'verdicts.last_verdict', 'verdicts.target_rule') }}
    left join words as reason_words
        on verdicts.reason = reason_words.code and reason_words.kind = 'reason'
    left join words as growth_reason_words
        on verdicts.growth_reason = growth_reason_words.code and growth_reason_words.kind = 'reason'
)

select * from final
