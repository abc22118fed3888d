-- One row: the version of the attribution rules in use. It carries a digest of the reference tables, so that a changed
-- pattern gives every record a new decision even where somebody forgot to raise the version.
with

patterns as (

    select * from {{ ref('area_patterns') }}

),

communities as (

    select * from {{ ref('area_communities') }}

),

areas as (

    select * from {{ ref('area_codes') }}

),

pattern_digest as (

    select
        max(rule_version) as rule_version,
        string_agg(patterns::text, '|' order by pattern_id) as content
    from patterns

),

community_digest as (

    select string_agg(communities::text, '|' order by community_code) as content from communities

),

area_digest as (

    select string_agg(areas::text, '|' order by area_code) as content from areas

),

final as (

    select
        pattern_digest.rule_version
        || '.{{ attribution_logic_version() }}-'
        || left(md5(concat_ws('#', pattern_digest.content, community_digest.content, area_digest.content)), 8) as rule_version
    from pattern_digest
    cross join community_digest
    cross join area_digest

)

select * from final
