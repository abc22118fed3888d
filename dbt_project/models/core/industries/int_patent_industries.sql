{{
    config(
        indexes=[
            {'columns': ['publication_version_id', 'industry_no'], 'unique': true},
            {'columns': ['publication_number']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Which strategic emerging industries a document belongs to, by every one of its IPC codes. A code belongs to a rule when a
-- pattern of the rule takes it in and no exclusion of the rule takes it out; a document belongs to it by any such code.
-- A rule with keywords needs one of its words in the title besides; whether one stands there cannot be told when the
-- words are only described, when their list is open, or when the title has none (the feed brings no abstract): undecided.
-- The few distinct codes are held against the patterns, never the documents: prefixes of the patterns' lengths, joined.
with

-- not materialized: as a copy of its own the table would have no statistics, and be sorted instead of hashed
publications as not materialized (

    select
        publication_version_id,
        publication_number,
        title,
        coalesce(ipc_codes, ipc_main) as code_text,
        known_at
    from {{ ref('fct_publications') }}
    where ipc_codes is not null or ipc_main is not null

),

rules as (

    select * from {{ ref('int_sei_rules') }}

),

-- the codes as they stand in the documents, each text once
code_texts as (

    select distinct code_text from publications

),

codes_listed as materialized (

    select
        code_texts.code_text,
        codes.code_received,
        codes.code_no
    from code_texts
    cross join lateral string_to_table(code_texts.code_text, ';') with ordinality as codes (code_received, code_no)

),

codes as materialized (

    select
        distinct_codes.code_received,
        {{ ipc_symbol('distinct_codes.code_received') }} as symbol
    from (select distinct code_received from codes_listed) as distinct_codes

),

lengths as (

    select distinct char_length(match_text) as match_length
    from rules
    where match_kind = 'prefix'

),

code_prefixes as (

    select
        codes.code_received,
        left(codes.symbol, lengths.match_length) as match_text,
        'prefix' as match_kind
    from codes
    inner join lengths on char_length(codes.symbol) >= lengths.match_length

    union all

    select
        code_received,
        symbol as match_text,
        'exact' as match_kind
    from codes

),

code_patterns as materialized (

    select
        code_prefixes.code_received,
        rules.industry_no,
        rules.rule_no,
        rules.pattern,
        rules.match_text,
        rules.is_exclusion
    from code_prefixes
    inner join rules
        on
            code_prefixes.match_text = rules.match_text
            and code_prefixes.match_kind = rules.match_kind

),

-- one evidence a code and rule: the narrowest pattern
code_rules as (

    select distinct on (taken_in.code_received, taken_in.industry_no, taken_in.rule_no)
        taken_in.code_received,
        taken_in.industry_no,
        taken_in.rule_no,
        taken_in.pattern
    from code_patterns as taken_in
    where
        not taken_in.is_exclusion
        and not exists (
            select 1 from code_patterns as taken_out
            where
                taken_out.is_exclusion
                and taken_out.code_received = taken_in.code_received
                and taken_out.industry_no = taken_in.industry_no
                and taken_out.rule_no = taken_in.rule_no
        )
    order by
        taken_in.code_received asc, taken_in.industry_no asc, taken_in.rule_no asc, char_length(taken_in.match_text) desc,
        taken_in.pattern asc

),

-- the same list of codes stands on many documents: decided once; its first code is the evidence
text_rules as (

    select distinct on (codes_listed.code_text, code_rules.industry_no, code_rules.rule_no)
        codes_listed.code_text,
        code_rules.industry_no,
        code_rules.rule_no,
        code_rules.pattern as evidence_pattern,
        codes_listed.code_received as evidence_code
    from codes_listed
    inner join code_rules on codes_listed.code_received = code_rules.code_received
    order by codes_listed.code_text asc, code_rules.industry_no asc, code_rules.rule_no asc, codes_listed.code_no asc

),

rule_heads as (

    select
        industry_no,
        rule_no,
        min(industry_name) as industry_name,
        min(keyword_kind) as keyword_kind,
        min(keyword_words) as keyword_words,
        min(table_name) as table_name,
        bool_or(is_delivered) as is_delivered,
        bool_or(is_excerpt) as is_excerpt,
        bool_or(is_synthetic) as is_synthetic
    from rules
    group by industry_no, rule_no

),

-- materialized: else the words would be looked for again at each use below
candidates as materialized (

    select
        publications.publication_version_id,
        publications.publication_number,
        text_rules.industry_no,
        text_rules.rule_no,
        text_rules.evidence_pattern,
        text_rules.evidence_code,
        rule_heads.keyword_kind,
        (
            select words.word
            from unnest(rule_heads.keyword_words) with ordinality as words (word, word_no)
            where
                case
                    when words.word ~ '^[a-z0-9 .+#-]+$'
                        then strpos({{ latin_words('publications.title') }}, {{ latin_words('words.word') }}) > 0
                    else strpos(lower(replace(publications.title, ' ', '')), replace(words.word, ' ', '')) > 0
                end
            order by words.word_no
            limit 1
        ) as evidence_keyword,
        publications.known_at
    from publications
    inner join text_rules on publications.code_text = text_rules.code_text
    inner join rule_heads
        on
            text_rules.industry_no = rule_heads.industry_no
            and text_rules.rule_no = rule_heads.rule_no

),

decided as (

    select
        candidates.*,
        case
            when candidates.keyword_kind = 'none' or candidates.evidence_keyword is not null then 'matched'
            else 'undecided'
        end as decision,
        case
            when candidates.keyword_kind = 'none' or candidates.evidence_keyword is not null then null
            when candidates.keyword_kind = 'description' then 'keyword_is_description'
            when candidates.keyword_kind = 'open_list' then 'keyword_list_is_open'
            else 'keyword_not_in_title'
        end as reason
    from candidates

),

-- one rule that applies is enough; of several the first, so that the evidence is the same tomorrow. A version may stand in
-- the facts twice, known earlier the second time
best as (

    select distinct on (publication_version_id, industry_no) *
    from decided
    order by publication_version_id asc, industry_no asc, decision asc, rule_no asc, known_at asc

),

final as (

    select
        best.publication_version_id,
        best.publication_number,
        best.industry_no,
        rule_heads.industry_name,
        best.decision,
        best.reason,
        best.evidence_pattern,
        best.evidence_code,
        best.evidence_keyword,
        rule_heads.table_name,
        best.rule_no,
        best.decision = 'matched' as is_matched,
        rule_heads.is_delivered,
        rule_heads.is_excerpt,
        rule_heads.is_synthetic,
        best.known_at
    from best
    inner join rule_heads
        on
            best.industry_no = rule_heads.industry_no
            and best.rule_no = rule_heads.rule_no

)

select * from final
