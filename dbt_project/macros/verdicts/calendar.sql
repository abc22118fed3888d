{#- Periods are named by their last day, so months are counted between month-ends: 2020-12-31 to 2021-02-28 is two. -#}

{% macro is_month_end(day) -%}
    (extract(day from ({{ day }})::date + 1) = 1)
{%- endmacro %}

{#- Whole months from one day to another, integer. -#}
{% macro whole_months(from_day, to_day) -%}
    (
        (extract(year from {{ to_day }}) - extract(year from {{ from_day }})) * 12
        + extract(month from {{ to_day }}) - extract(month from {{ from_day }})
        - case
            when extract(day from {{ to_day }}) < extract(day from {{ from_day }}) and not {{ is_month_end(to_day) }} then 1
            else 0
        end
    )::integer
{%- endmacro %}

{#- The day so many months later (or earlier, when negative); a month-end stays a month-end. -#}
{% macro shift_months(day, months) -%}
    (
        case
            when {{ is_month_end(day) }}
                then date_trunc('month', ({{ day }})::timestamp) + make_interval(months => ({{ months }})::integer + 1) - interval '1 day'
            else ({{ day }})::timestamp + make_interval(months => ({{ months }})::integer)
        end
    )::date
{%- endmacro %}

{#- Length of an indicator's period in months. An unknown word gives null, and a not-null test stops it. -#}
{% macro period_months(frequency) -%}
    (case {{ frequency }} when 'monthly' then 1 when 'quarterly' then 3 when 'annual' then 12 end)
{%- endmacro %}

{#- The last year-end before the five-year period that holds the day: 2015-12-31 for 2020-12-31, 2020-12-31 for 2021-06-30. -#}
{% macro five_year_base(day) -%}
    make_date(((extract(year from {{ day }})::integer - 1) / 5) * 5, 12, 31)
{%- endmacro %}

{#- Older than one period plus its lag, seen from the day of the verdict. -#}
{% macro is_stale(value_date, period_months, lag_days, evaluated_on) -%}
    coalesce({{ shift_months(value_date, period_months) }} + {{ lag_days }} < {{ evaluated_on }}, false)
{%- endmacro %}
