{#- States in which a mark is no right, or none any more. A partial cancellation leaves the rest of its class. -#}
{% macro is_ended_state(state) -%}
({{ state }} in ('cancelled', 'invalidated', 'expired', 'withdrawn', 'refused'))
{%- endmacro %}

{#- An international registration: package 136, or a number with G in front. -#}
{% macro is_international_number(registration_number) -%}
coalesce({{ registration_number }} ~ '^G[0-9]', false)
{%- endmacro %}

{#- Whether a normal address begins with a province of the mainland. -#}
{% macro is_in_china(address) -%}
({{ address }} ~ '^(?:中华人民共和国|中国)?(?:北京|天津|上海|重庆|河北|山西|内蒙古|辽宁|吉林|黑龙江|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|四川|贵州|云南|西藏|陕西|甘肃|青海|宁夏|新疆)')
{%- endmacro %}

{#- The last day of a term of ten years. -#}
{% macro term_last_day(first_day) -%}
(({{ first_day }} + interval '10 years')::date - 1)
{%- endmacro %}

{#- What the latest record that says anything says; of one day's records an ended state comes before a running one. -#}
{% macro latest_said(column) -%}
(
    array_agg({{ column }} order by known_at desc, coalesce({{ is_ended_state('state') }}, false) desc, record_version_id asc)
    filter (where {{ column }} is not null)
)[1]
{%- endmacro %}
