{#- Full-width digits, letters and brackets to half-width, no white space; characters without a counterpart go.
    One pass of translate() and no regular expression: this runs over every address of the feed. -#}
{% macro normal_text(column) -%}
nullif(
    translate(
        {{ column }},
        '０１２３４５６７８９（），；－ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ' || e' \t\r\n\u00a0\u3000',
        '0123456789(),;-ABCDEFGHIJKLMNOPQRSTUVWXYZ'
    ),
    ''
)
{%- endmacro %}

{#- A normal text without the country and the post code that the gazette prints before the address. -#}
{% macro without_post_code(column) -%}
case
    when {{ column }} ~ '^[0-9中]' then regexp_replace({{ column }}, '^(?:中国)?(?:[0-9]{6})?(?:中国)?', '')
    else {{ column }}
end
{%- endmacro %}

{#- A firm's name inside an address says nothing about the place: 天津市先锋建筑材料制品厂内, 三圆管材公司办公楼.
    A name ends before the next place word, so 东丽区 before it stays. -#}
{% macro without_firm_names(column) -%}
case
    when {{ column }} ~ '公司|集团|厂' then regexp_replace(
        regexp_replace({{ column }}, '\([^()]*(?:公司|集团|厂(?!房))[^()]*\)', '', 'g'),
        '[^省市区县街镇乡村路道号楼层院、,()]{2,30}?(?:公司|集团|厂(?!房))', '〇', 'g'
    )
    else {{ column }}
end
{%- endmacro %}
