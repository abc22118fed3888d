-- The settings of the house on each day of a verdict, one column a setting.
with

subjects as (
    select * from {{ ref('int_progress_subjects') }}
),

settings as (
    select * from {{ ref('settings') }}
),

days as (
    select distinct evaluated_on from subjects
),

final as (
    select
        days.evaluated_on,
        {{ settings_as_columns(verdict_settings()) }}
    from days
    left join settings on {{ setting_is_valid_on('days.evaluated_on') }}
    group by days.evaluated_on
)

select * from final
