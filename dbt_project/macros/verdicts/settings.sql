{#- The settings that the verdicts use; the values and their validity stand in the seed `settings`. -#}
{% macro verdict_settings() -%}
    {{ return([
        'pace_ahead_cut',
        'pace_on_schedule_cut',
        'pace_slightly_behind_cut',
        'growth_on_track_cut',
        'growth_needs_acceleration_cut',
        'growth_limited_cut',
        'projection_observations',
        'projection_min_observations',
    ]) }}
{%- endmacro %}

{#- One column a setting, from rows of `settings` grouped by a day. -#}
{% macro settings_as_columns(codes) -%}
    {% for code in codes -%}
        max(settings.value) filter (where settings.setting_code = '{{ code }}') as {{ code }}{{ ',' if not loop.last }}
    {% endfor %}
{%- endmacro %}

{#- Condition under which a row of `settings` is valid on a day; valid_to is the last day. -#}
{% macro setting_is_valid_on(day) -%}
    ({{ day }} >= settings.valid_from and {{ day }} <= coalesce(settings.valid_to, 'infinity'::date))
{%- endmacro %}

{#- The day on which the figures are seen: today in Tianjin, or the variable `as_of`. -#}
{% macro as_of() -%}
    {% if var('as_of', none) is none %}(now() at time zone 'Asia/Shanghai')::date{% else %}'{{ var('as_of') }}'::date{% endif %}
{%- endmacro %}

{#- The words of a status: a row for the rule itself goes before the one for any rule (falling is good only where zero is the aim). -#}
{% macro status_word(words, code, target_rule) -%}
    (
        {{ words }}.kind = 'status'
        and {{ words }}.code = {{ code }}
        and {{ words }}.target_rule
        = case when {{ code }} = 'falling' and {{ target_rule }} = 'keep_growing' then 'keep_growing' else 'any' end
    )
{%- endmacro %}
