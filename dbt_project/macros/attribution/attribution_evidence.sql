{#- The words that proved a place. A person's community is nobody's business: the street is shown, the word that proved
    it is not. Reads the CTE addresses_placed. -#}
{% macro attribution_evidence(is_person) -%}
nullif(
    concat_ws(
        '；',
        case when addresses_placed.county_area_code is not null then '区划栏：' || addresses_placed.county end,
        '地址：' || addresses_placed.text_evidence,
        '功能区：' || addresses_placed.zone_matched,
        {% if is_person -%}
        '街道：' || case when addresses_placed.street_kind = 'community' then '社区名' else addresses_placed.street_matched end,
        {%- else -%}
        '街道：' || addresses_placed.street_matched,
        {%- endif %}
        case when addresses_placed.is_county_against_text then '区划栏与地址不一致' end,
        case when addresses_placed.has_other_district then '地址出现其他区名' end
    ),
    ''
)
{%- endmacro %}
