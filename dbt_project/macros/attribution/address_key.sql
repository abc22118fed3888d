{#- One key for one address as a record gives it: structured parts and text together. -#}
{% macro address_key(relation) -%}
md5(
    concat_ws(
        '|',
        coalesce({{ relation }}.province, ''), coalesce({{ relation }}.city, ''), coalesce({{ relation }}.county, ''),
        coalesce({{ relation }}.post_code, ''), coalesce({{ relation }}.address_text, '')
    )
)
{%- endmacro %}
