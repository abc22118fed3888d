{#- Working days after the first day up to and including the second: the day itself is not counted (民法典第二百零一条).
    Friday to Monday is one; a day outside of the years whose holidays are known gives null, never a guess. -#}
{% macro working_days_between(from_day, to_day) -%}
(
    (select last_day.working_day_no from {{ ref('dim_days') }} as last_day where last_day.day = ({{ to_day }})::date)
    - (select first_day.working_day_no from {{ ref('dim_days') }} as first_day where first_day.day = ({{ from_day }})::date)
)
{%- endmacro %}
