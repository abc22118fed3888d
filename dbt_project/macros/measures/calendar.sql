{% macro month_end(day) -%}
(date_trunc('month', {{ day }}) + interval '1 month - 1 day')::date
{%- endmacro %}

{#- The day the build looks back from: today in Tianjin, or the variable as_of_date of a rehearsal. -#}
{% macro as_of_date() -%}
{%- if var('as_of_date', none) -%}
'{{ var("as_of_date") }}'::date
{%- else -%}
(now() at time zone 'Asia/Shanghai')::date
{%- endif -%}
{%- endmacro %}
