{#- Natural persons. A doubtful name counts as a person: a masked firm does little harm, an open person does. -#}
{% macro is_natural_person(name) -%}
(
    {{ name }} !~ '公司|集团|大学|学院|学校|中学|小学|研究|设计院|中心|医院|银行|协会|学会|会社|企业|合作社|事务所|工作室|委员会|政府|基金|实验室|农场|林场|工厂|有限|股份|服务部|经营部|商店|门市|联盟|电视台|博物馆|管理局|部队'
    and not (char_length({{ name }}) >= 3 and {{ name }} ~ '厂$')
    and not (char_length({{ name }}) >= 4 and {{ name }} ~ '[局院所社店站馆队校部矿台会处行场园室]$')
    and not (
        {{ name }} !~ '[\u4e00-\u9fff]'
        and {{ name }} ~* '\m(co|company|ltd|limited|inc|corp|corporation|llc|gmbh|ag|se|sa|spa|bv|nv|plc|kk|ab|oy|university|institute|technologies|group)\M'
    )
    and (char_length({{ name }}) <= 4 or {{ name }} ~ '[·•．・‧]' or {{ name }} !~ '[\u4e00-\u9fff]')
)
{%- endmacro %}

{#- A salted key: the salt reaches the session by PGOPTIONS (see docs of the model), so that it stands in no compiled
    statement, manifest or log. An unset salt stops the build. -#}
{% macro person_key(name) -%}
'p' || left(encode(sha256(convert_to(current_setting('dongli.person_key_salt') || {{ name }}, 'UTF8')), 'hex'), 31)
{%- endmacro %}

{% macro organisation_key(name) -%}
'o' || left(encode(sha256(convert_to({{ name }}, 'UTF8')), 'hex'), 31)
{%- endmacro %}

{% macro masked_name(name) -%}
left({{ name }}, 1) || '*'
{%- endmacro %}

{#- Common table expressions that judge, key and mask the names of a relation, ending in `names_keyed`: received_name,
    owner_key, owner_name_shown, is_natural_person. One name is one owner, whatever source has it. -#}
{% macro names_keyed_ctes(listed, column) -%}
-- the same names come again and again: judged and hashed once
distinct_names as (

    select distinct {{ column }} as received_name from {{ listed }}
    where {{ column }} is not null

),

-- materialized: else Postgres would clean a name again at each of its uses below
names_cleaned as materialized (

    select
        received_name,
        {{ normal_text('received_name') }} as name
    from distinct_names

),

names_judged as (

    select
        received_name,
        name,
        {{ is_natural_person('name') }} as is_natural_person
    from names_cleaned
    where name is not null

),

names_keyed as (

    select
        received_name,
        case
            when is_natural_person then {{ person_key('name') }}
            else {{ organisation_key('name') }}
        end as owner_key,
        case when is_natural_person then {{ masked_name('name') }} else name end as owner_name_shown,
        is_natural_person
    from names_judged

)
{%- endmacro %}
