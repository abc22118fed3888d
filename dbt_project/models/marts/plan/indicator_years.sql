with

years as (
    select * from {{ ref('int_progress_years') }}
),

verdicts as (
    select * from {{ ref('int_progress_verdicts') }}
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
        years.state,
        words.name_zh as state_zh,
        {{ release_id() }} as release_id,
        years.year,
        years.value,
        years.value_before,
        years.growth_rate,
        years.is_closed,
        years.is_provisional,
        verdicts.asked_on as period_end,
        years.year_end
    from years
    inner join verdicts on years.subject_id = verdicts.subject_id
    left join words on {{ status_word('words', 'years.state', 'verdicts.target_rule') }}
)

select * from final
