{#- Raise it when the SQL of fct_address_attributions decides differently: every record is then attributed anew. -#}
{% macro attribution_logic_version() -%}
1
{%- endmacro %}
