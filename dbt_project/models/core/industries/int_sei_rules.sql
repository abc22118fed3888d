{{ config(indexes=[{'columns': ['match_text']}], post_hook='analyze {{ this }}') }}

-- The rules of the strategic emerging industries in use, one row a pattern, ready to be joined: the newest accepted table,
-- or the excerpt that ships with the product while none was delivered.
with

delivered as (

    select * from {{ ref('stg_reference__sei_rules') }}

),

shipped as (

    select * from {{ ref('sei_rules') }}

),

-- domains of the classification that the delivered table has; a table that lacks one of them is an excerpt, whoever sent it
delivered_domains as (

    select count(distinct left(industry_no, 1)) as domain_count from delivered
    where left(industry_no, 1)::integer <= {{ sei_domain_count() }}

),

in_use as (

    select
        delivered.industry_no,
        delivered.industry_name,
        delivered.pattern,
        delivered.keyword,
        delivered.source_file_name as table_name,
        delivered.industry_page,
        delivered.rule_no,
        delivered.load_id,
        delivered.is_exclusion,
        true as is_delivered,
        delivered_domains.domain_count < {{ sei_domain_count() }} as is_excerpt,
        delivered.is_synthetic,
        delivered.known_at
    from delivered
    cross join delivered_domains

    union all

    select
        shipped.industry_no,
        shipped.industry_name,
        shipped.pattern,
        shipped.keyword,
        '随附节选表' as table_name,
        shipped.industry_page,
        shipped.rule_no,
        null as load_id,
        shipped.is_exclusion,
        false as is_delivered,
        true as is_excerpt,
        false as is_synthetic,
        null as known_at
    from shipped
    where not exists (select 1 from delivered)

),

-- the condition belongs to the rule, whichever of its rows states it
conditions as (

    select
        industry_no,
        rule_no,
        string_agg(distinct keyword, '、') as keyword
    from in_use
    group by industry_no, rule_no

),

-- materialized: else Postgres would cut the texts again at each use below
keyword_items as materialized (

    select
        conditions.industry_no,
        conditions.rule_no,
        items.item_no,
        btrim(items.item) as item,
        conditions.keyword ~ {{ keyword_separators() }} as is_in_list,
        items.item ~ {{ and_the_like() }} as is_and_the_like
    from conditions
    cross join
        lateral regexp_split_to_table(conditions.keyword, {{ keyword_separators() }}) with ordinality as items (item, item_no)

),

-- 癫痫等脑部疾病: the word before 等 stands, if it is one of a list; alone (飞机等航空器制造) the whole is a description
keyword_heads as (

    select
        industry_no,
        rule_no,
        item_no,
        is_in_list,
        is_and_the_like,
        case
            when is_and_the_like and is_in_list then btrim((regexp_split_to_array(item, {{ and_the_like() }}))[1])
            when not is_and_the_like then item
        end as head,
        item
    from keyword_items
    where item <> ''

),

keyword_words as (

    select
        industry_no,
        rule_no,
        array_agg(lower(head) order by item_no) filter (where {{ is_keyword('head', 'is_in_list') }}) as words,
        bool_or(is_and_the_like or not coalesce({{ is_keyword('head', 'is_in_list') }}, false)) as is_open
    from keyword_heads
    group by industry_no, rule_no

),

judged as (

    select
        conditions.industry_no,
        conditions.rule_no,
        coalesce(keyword_words.words, '{}') as keyword_words,
        case
            when nullif(btrim(conditions.keyword), '') is null then 'none'
            when keyword_words.words is null then 'description'
            when keyword_words.is_open then 'open_list'
            else 'closed_list'
        end as keyword_kind
    from conditions
    left join keyword_words
        on
            conditions.industry_no = keyword_words.industry_no
            and conditions.rule_no = keyword_words.rule_no

),

final as (

    select
        in_use.industry_no,
        in_use.industry_name,
        in_use.pattern,
        case when in_use.pattern ~ '/[0-9]+$' then 'exact' else 'prefix' end as match_kind,
        -- a main group ends at its slash: A61B5* is not A61B50/00
        case
            when in_use.pattern ~ '^[A-H][0-9]{2}[A-Z][0-9]+[*]?$' then rtrim(in_use.pattern, '*') || '/'
            else rtrim(in_use.pattern, '*')
        end as match_text,
        in_use.keyword,
        judged.keyword_kind,
        judged.keyword_words,
        in_use.table_name,
        in_use.industry_page,
        in_use.rule_no,
        in_use.load_id,
        in_use.is_exclusion,
        in_use.is_delivered,
        in_use.is_excerpt,
        in_use.is_synthetic,
        in_use.known_at
    from in_use
    inner join judged
        on
            in_use.industry_no = judged.industry_no
            and in_use.rule_no = judged.rule_no

)

select * from final
