{#- The first day on which a right has ended: the anniversary of the filing day itself is out.
    29 February ends on 1 March where the last year has no such day; Postgres would say 28 February. -#}
{% macro patent_expiry_date(filing_date, term_years) -%}
(
    ({{ filing_date }} + make_interval(years => {{ term_years }}))::date
    + case
        when to_char({{ filing_date }}, 'MMDD') = '0229'
            and to_char({{ filing_date }} + make_interval(years => {{ term_years }}), 'MMDD') = '0228' then 1
        else 0
    end
)
{%- endmacro %}

{#- Kinds of document that grant a right; C, Y and D are those of before April 2010. -#}
{% macro is_grant_kind(kind_code) -%}
({{ kind_code }} in ('B', 'C', 'U', 'Y', 'S', 'D'))
{%- endmacro %}
