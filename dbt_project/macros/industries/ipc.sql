{#- An IPC symbol as patterns are written: no blanks, no version, no leading zeros; a bare main group is its /00. -#}
{% macro ipc_symbol(code) -%}
regexp_replace(
    regexp_replace(upper(regexp_replace({{ code }}, '\s|\(.*$', '', 'g')), '^([A-H][0-9]{2}[A-Z])0+([1-9])', '\1\2'),
    '^([A-H][0-9]{2}[A-Z][0-9]{1,4})$', '\1/00'
)
{%- endmacro %}

{#- Domains of the classification that a whole concordance covers: 1 to 8; services (9) need not have patents. -#}
{% macro sei_domain_count() -%}
8
{%- endmacro %}
