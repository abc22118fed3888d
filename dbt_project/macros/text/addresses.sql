{#- Full-width digits, letters and brackets to half-width, no white space. -#}
{% macro normal_text(column) -%}
nullif(
    regexp_replace(
        translate(
            {{ column }},
            '０１２３４５６７８９（），；－ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ',
            '0123456789(),;-ABCDEFGHIJKLMNOPQRSTUVWXYZ'
        ),
        '[\s\u00a0\u3000]+', '', 'g'
    ),
    ''
)
{%- endmacro %}

{#- The same, without the post code that the gazette prints before the address. -#}
{% macro normal_address(column) -%}
regexp_replace({{ normal_text(column) }}, '^(?:中国)?(?:[0-9]{6})?(?:中国)?', '')
{%- endmacro %}

{#- A firm's name inside an address says nothing about the place: 天津市先锋建筑材料制品厂内, 三圆管材公司办公楼.
    A name ends before the next place word, so 东丽区 before it stays. -#}
{% macro without_firm_names(column) -%}
regexp_replace(
    regexp_replace({{ column }}, '\([^()]*(?:公司|集团|厂(?!房))[^()]*\)', '', 'g'),
    '[^省市区县街镇乡村路道号楼层院、,()]{2,30}?(?:公司|集团|厂(?!房))', '〇', 'g'
)
{%- endmacro %}
