{#- Growth ratio (Eurostat): actual compound annual rate over the rate that the whole way needs.
    Roots are irrational: they are taken to 30 decimals and the ratio is published and compared at 12, so that a value
    exactly on a cut is on it. -#}

{#- (y/y0)^(1/years)-1 with years = months/12; y0 > 0, y >= 0, months > 0. -#}
{% macro compound_annual_rate(y, base, months) -%}
    (power(({{ y }})::numeric(1000, 30) / {{ base }}, 12::numeric(1000, 30) / {{ months }}) - 1)
{%- endmacro %}

{#- Why there is no growth verdict; null when there is one. -#}
{% macro growth_obstacle(y, base, target, is_too_early) -%}
    case
        when {{ is_too_early }} then 'too_early'
        when {{ y }} is null then 'no_observation_after_base'
        when {{ base }} is null then 'no_base'
        when {{ base }} <= 0 then 'base_not_positive'
        when {{ y }} < 0 or {{ target }} < 0 then 'sign_change'
        when {{ target }} = {{ base }} then 'no_distance'
    end
{%- endmacro %}

{% macro growth_ratio(rate, required_rate, d) -%}
    round({{ d }} * {{ rate }} / abs({{ required_rate }}), 12)
{%- endmacro %}

{% macro growth_status(ratio) -%}
    case
        when {{ ratio }} >= growth_on_track_cut then 'on_track'
        when {{ ratio }} >= growth_needs_acceleration_cut then 'needs_acceleration'
        when {{ ratio }} >= growth_limited_cut then 'limited'
        when {{ ratio }} < growth_limited_cut then 'deteriorating'
    end
{%- endmacro %}

{#- One method is fine and the other is not; null when either is missing. -#}
{% macro methods_disagree(pace_status, growth_status) -%}
    case
        when coalesce({{ pace_status }}, 'not_assessable') = 'not_assessable' then null
        when coalesce({{ growth_status }}, 'not_assessable') = 'not_assessable' then null
        else ({{ pace_status }} in ('reached', 'ahead', 'on_schedule')) <> ({{ growth_status }} = 'on_track')
    end
{%- endmacro %}
