{#- What the keyword texts of the concordance are made of; see docs/sources/reference.md. -#}

{#- Between the words of a list. -#}
{% macro keyword_separators() -%}
'[、，,；;|]'
{%- endmacro %}

{#- The text was cut short. -#}
{% macro is_cut_short(item) -%}
({{ item }} ~ '…|⋯|\.\.')
{%- endmacro %}

{#- 等 that means "and the like": not the one of 等离子体, 等温, 高等, 相等. -#}
{% macro and_the_like() -%}
'(?<![高中初同均相平对优])等(?!离子|温|压|效|静|径|轴|高|速|位|距|电|比|量|级|规|熵|张)'
{%- endmacro %}

{#- One item that can be looked for as it stands: short, and no phrase that describes. In a list eight characters are short,
    alone four, so that a lone 城市轨道交通设备制造 is no word; a term in Latin letters is one. -#}
{% macro is_keyword(item, is_in_list) -%}
(
    not {{ is_cut_short(item) }}
    and {{ item }} !~ '的|及|或|和|与|相关|领域|关键词|用于|不含|以外|除'
    and (
        {{ item }} ~ '^[A-Za-z0-9][A-Za-z0-9 .+#-]{0,38}[A-Za-z0-9+#]$'
        or char_length({{ item }}) between 2 and case when {{ is_in_list }} then 8 else 4 end
    )
)
{%- endmacro %}

{#- A text in which words of Latin letters and digits are found as wholes: AI is not in AIR. -#}
{% macro latin_words(text) -%}
(' ' || regexp_replace(lower({{ text }}), '[^a-z0-9+#]+', ' ', 'g') || ' ')
{%- endmacro %}
