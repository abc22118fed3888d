{#- One key for one address as a record gives it: structured parts and text together. A record that has only a text
    names its column. -#}
{% macro address_key(relation, text=none) -%}
{%- if text -%}
md5('||||' || coalesce({{ relation }}.{{ text }}, ''))
{%- else -%}
md5(
    concat_ws(
        '|',
        coalesce({{ relation }}.province, ''), coalesce({{ relation }}.city, ''), coalesce({{ relation }}.county, ''),
        coalesce({{ relation }}.post_code, ''), coalesce({{ relation }}.address_text, '')
    )
)
{%- endif -%}
{%- endmacro %}
