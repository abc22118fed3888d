{#- Plan pace (序时进度): completion over elapsed share. `d` is +1 for up and -1 for down; all values numeric, never float. -#}

{% macro direction_sign(direction) -%}
    (case {{ direction }} when 'up' then 1 when 'down' then -1 else 0 end)
{%- endmacro %}

{% macro meets_target(y, target, d) -%}
    ({{ d }} * ({{ y }} - {{ target }}) >= 0)
{%- endmacro %}

{#- A base strictly beyond the target: there is nothing to complete, the target can only be held or lost. -#}
{% macro is_past_target(base, target, d) -%}
    ({{ d }} * ({{ base }} - {{ target }}) > 0)
{%- endmacro %}

{% macro elapsed_share(months, total_months) -%}
    (({{ months }})::numeric / {{ total_months }})
{%- endmacro %}

{#- (y-y0)/(yT-y0); null where the target lies not ahead of the base. -#}
{% macro completion_share(y, base, target, d) -%}
    (case when {{ d }} * ({{ target }} - {{ base }}) > 0 then ({{ y }} - {{ base }}) / ({{ target }} - {{ base }}) end)
{%- endmacro %}

{#- p/e in one division, so that no quotient is rounded twice. -#}
{% macro pace_ratio(y, base, target, d, months, total_months) -%}
    (
        case
            when {{ d }} * ({{ target }} - {{ base }}) > 0 and {{ months }} > 0
                then (({{ y }} - {{ base }}) * {{ total_months }}) / (({{ target }} - {{ base }}) * {{ months }})
        end
    )
{%- endmacro %}

{#- p/e >= cut without any division: exact, so a value on the line is on schedule. -#}
{% macro pace_at_least(y, base, target, d, months, total_months, cut) -%}
    ({{ d }} * ({{ y }} - {{ base }}) * {{ total_months }} >= {{ cut }} * {{ d }} * ({{ target }} - {{ base }}) * {{ months }})
{%- endmacro %}

{#- Why there is no pace status; null when there is one. `was_reached`: reached before, or based past the target. -#}
{% macro pace_obstacle(y, base, target, d, is_too_early, was_reached) -%}
    case
        when {{ is_too_early }} then 'too_early'
        when {{ y }} is null then 'no_observation_after_base'
        when {{ meets_target(y, target, d) }} then null
        when {{ was_reached }} then null
        when {{ base }} is null then 'no_base'
        when {{ target }} = {{ base }} then 'no_distance'
    end
{%- endmacro %}

{#- Call it only where `pace_obstacle` is null. Reached needs no base; a lost target stays lost until it is reached again. -#}
{% macro pace_status(y, base, target, d, months, total_months, was_reached) -%}
    case
        when {{ meets_target(y, target, d) }} then 'reached'
        when {{ was_reached }} then 'lost'
        when {{ pace_at_least(y, base, target, d, months, total_months, 'pace_ahead_cut') }} then 'ahead'
        when {{ pace_at_least(y, base, target, d, months, total_months, 'pace_on_schedule_cut') }} then 'on_schedule'
        when {{ pace_at_least(y, base, target, d, months, total_months, 'pace_slightly_behind_cut') }} then 'slightly_behind'
        else 'behind'
    end
{%- endmacro %}
