{#- Rules that look at each year. A missing year is a gap: never zero, never carried forward. -#}

{% macro keep_growing_state(y, before) -%}
    case
        when {{ y }} is null or {{ before }} is null then 'gap'
        when {{ y }} > {{ before }} then 'growing'
        when {{ y }} = {{ before }} then 'flat'
        else 'falling'
    end
{%- endmacro %}

{#- A count within the year cannot fall, so any value of the year that meets the target settles it. -#}
{% macro every_year_state(best, year_end_value, target, d, is_closed) -%}
    case
        when {{ meets_target(best, target, d) }} then 'met'
        when not {{ is_closed }} then 'open'
        when {{ year_end_value }} is null then 'gap'
        else 'not_met'
    end
{%- endmacro %}

{% macro fall_to_zero_state(y, before) -%}
    case
        when {{ y }} is null then 'gap'
        when {{ y }} = 0 then 'zero'
        when {{ before }} is null then 'gap'
        when {{ y }} < {{ before }} then 'falling'
        else 'not_falling'
    end
{%- endmacro %}

{#- reached when all are accepted, behind when one is overdue, else on schedule; null without sub-tasks. -#}
{% macro milestone_status(subtasks, accepted, overdue) -%}
    case
        when coalesce({{ subtasks }}, 0) = 0 then null
        when {{ accepted }} = {{ subtasks }} then 'reached'
        when {{ overdue }} > 0 then 'behind'
        else 'on_schedule'
    end
{%- endmacro %}

{#- Accepted on the day: accepted by then, with its document. -#}
{% macro is_subtask_accepted(accepted_date, document_number, day) -%}
    coalesce({{ accepted_date }} <= {{ day }} and trim({{ document_number }}) <> '', false)
{%- endmacro %}

{#- The due day itself is not yet overdue. -#}
{% macro is_subtask_overdue(due_date, is_accepted, day) -%}
    coalesce({{ due_date }} < {{ day }} and not {{ is_accepted }}, false)
{%- endmacro %}
