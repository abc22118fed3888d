{#- A folder's `+schema` is the schema's whole name: staging, core, reference, build_candidate. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
