{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[{'columns': ['address_key', 'rule_version'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only: the district, street and zone of an address, by which rule, on what evidence; one row an address and
-- version of the rules, whatever record has it. Order of evidence: structured county, then the address text.
with

received as (

    select * from {{ ref('int_addresses') }}

),

areas as (

    select * from {{ ref('area_codes') }}

),

-- an empty cell of a seed is null in its table and an empty string in a unit test
patterns as (

    select
        pattern_id,
        kind,
        match_type,
        pattern,
        nullif(area_code, '') as area_code,
        confidence,
        priority,
        is_zone_of_other,
        needs_review
    from {{ ref('area_patterns') }}

),

communities as (

    select
        community_code,
        nullif(place_name, '') as place_name,
        area_code
    from {{ ref('area_communities') }}

),

rules as (

    select * from {{ ref('int_attribution_rules') }}

),

districts as (

    select
        area_code,
        name_zh
    from areas
    where level = 'district'

),

addresses as (

    select
        received.address_key,
        rules.rule_version,
        received.province,
        received.city,
        received.county,
        received.post_code,
        coalesce(received.address_text, '') as address_text,
        received.address_text is null and received.province is null as is_empty
    from received
    cross join rules
    {% if is_incremental() %}
        where not exists (
                select 1
                from {{ this }} as kept
                where
                    kept.address_key = received.address_key
                    and kept.rule_version = rules.rule_version
            )
    {% endif %}

),

-- located in Tianjin? 天津路 in another province is a road, and a structured province beats the text
located as (

    select
        *,
        regexp_replace(address_text, '^(?:天津市?|市辖区)+(?![东西南北]?[路道街])', '') as rest,
        case
            when province is not null and province not like '天津%' then false
            when province like '天津%' or city like '天津%' then true
            when address_text ~ '^天津(?![东西南北]?[路道街])' then true
            when address_text ~ '^[\u4e00-\u9fff]{2,8}(?:省|自治区|特别行政区)' or address_text ~ '^(?:北京|上海|重庆)' then false
            when post_code ~ '^30[01][0-9]{3}$' then true
            else false
        end as is_in_city
    from addresses

),

cleaned as (

    select
        address_key,
        county,
        address_text,
        {{ without_firm_names('rest') }} as place_text
    from located
    where is_in_city

),

-- full names of districts in the text, from the first on; 东丽 without 区 is none
district_mentions as (

    select
        cleaned.address_key,
        districts.area_code,
        districts.name_zh,
        strpos(cleaned.place_text, districts.name_zh) as position_no
    from cleaned
    inner join districts on strpos(cleaned.place_text, districts.name_zh) > 0

),

first_mentions as (

    select distinct on (address_key)
        address_key,
        area_code,
        name_zh,
        position_no
    from district_mentions
    order by address_key, position_no

),

counties as (

    select distinct county from cleaned
    where county is not null

),

-- districts had other names: 静海县, 塘沽区
county_areas as (

    select distinct on (counties.county)
        counties.county,
        coalesce(districts.area_code, patterns.area_code) as area_code
    from counties
    left join districts on counties.county = districts.name_zh
    left join patterns on patterns.kind = 'district' and counties.county ~ patterns.pattern
    where coalesce(districts.area_code, patterns.area_code) is not null
    order by counties.county, patterns.priority, patterns.pattern_id

),

without_district_ahead as (

    select
        cleaned.address_key,
        cleaned.place_text
    from cleaned
    left join first_mentions on cleaned.address_key = first_mentions.address_key
    where coalesce(first_mentions.position_no, 0) <> 1

),

district_aliases as (

    select distinct on (without_district_ahead.address_key)
        without_district_ahead.address_key,
        patterns.area_code,
        patterns.confidence,
        regexp_substr(without_district_ahead.place_text, patterns.pattern) as matched
    from without_district_ahead
    inner join patterns on patterns.kind = 'district' and without_district_ahead.place_text ~ patterns.pattern
    order by without_district_ahead.address_key, patterns.priority, patterns.pattern_id

),

districts_read as (

    select
        cleaned.address_key,
        cleaned.address_text,
        cleaned.county,
        cleaned.place_text,
        county_areas.area_code as county_area_code,
        case
            when first_mentions.position_no = 1 then first_mentions.area_code
            else coalesce(district_aliases.area_code, first_mentions.area_code)
        end as text_area_code,
        case
            when first_mentions.position_no = 1 then 'address_district'
            when district_aliases.area_code is not null then 'address_alias'
            when first_mentions.area_code is not null then 'address_mention'
        end as text_rule,
        case
            when first_mentions.position_no = 1 then first_mentions.name_zh
            else coalesce(district_aliases.matched, first_mentions.name_zh)
        end as text_evidence,
        case
            when first_mentions.position_no = 1 and cleaned.address_text like '天津%' then 'high'
            when first_mentions.position_no = 1 then 'medium'
            else coalesce(district_aliases.confidence, 'medium')
        end as text_confidence
    from cleaned
    left join county_areas on cleaned.county = county_areas.county
    left join first_mentions on cleaned.address_key = first_mentions.address_key
    left join district_aliases on cleaned.address_key = district_aliases.address_key

),

districts_decided as (

    select
        *,
        coalesce(county_area_code, text_area_code) as area_code,
        case when county_area_code is not null then 'county' else text_rule end as rule,
        case
            when county_area_code is not null then 'high'
            else text_confidence
        end as district_confidence,
        coalesce(county_area_code <> text_area_code, false) as is_county_against_text
    from districts_read

),

foreign_mentions as (

    select distinct districts_decided.address_key
    from districts_decided
    inner join district_mentions on districts_decided.address_key = district_mentions.address_key
    where districts_decided.area_code <> district_mentions.area_code

),

-- every name of a street, park, zone or community, a row a spelling
names as (

    select
        pattern_id,
        kind,
        'literal' as match_type,
        unnest(string_to_array(pattern, '|')) as pattern,
        area_code,
        confidence,
        priority,
        is_zone_of_other,
        needs_review
    from patterns
    where kind <> 'district' and match_type = 'literal'

    union all

    select
        pattern_id,
        kind,
        match_type,
        pattern,
        area_code,
        confidence,
        priority,
        is_zone_of_other,
        needs_review
    from patterns
    where kind <> 'district' and match_type = 'regex'

    union all

    select
        communities.community_code as pattern_id,
        'community' as kind,
        'literal' as match_type,
        communities.place_name as pattern,
        communities.area_code,
        'medium' as confidence,
        40 as priority,
        areas.is_zone_of_other,
        false as needs_review
    from communities
    inner join areas on communities.area_code = areas.area_code
    where communities.place_name is not null

),

-- the same place is written as 东丽区 and as 滨海新区: there only the zone is read
places_read as (

    select
        districts_decided.address_key,
        districts_decided.place_text,
        districts_decided.area_code = '120110' as is_in_district
    from districts_decided
    where districts_decided.area_code in ('120110', '120116')

),

names_found as (

    select
        places_read.address_key,
        names.pattern_id,
        names.kind,
        names.area_code,
        names.confidence,
        names.priority,
        names.is_zone_of_other,
        names.needs_review,
        case when names.match_type = 'literal' then names.pattern else regexp_substr(places_read.place_text, names.pattern) end
            as matched
    from places_read
    inner join names
        on
            case
                when names.match_type = 'literal' then strpos(places_read.place_text, names.pattern) > 0
                else places_read.place_text ~ names.pattern
            end
            and (places_read.is_in_district or names.kind = 'zone_of_other')

),

zones_found as (

    select distinct on (names_found.address_key) names_found.*
    from names_found
    left join areas on names_found.area_code = areas.area_code
    where names_found.kind in ('zone_of_other', 'park', 'contradiction') or areas.level = 'zone'
    order by names_found.address_key asc, names_found.priority asc, char_length(names_found.matched) desc, names_found.pattern_id

),

streets_found as (

    select distinct on (names_found.address_key) names_found.*
    from names_found
    inner join areas on names_found.area_code = areas.area_code
    where areas.level = 'street'
    order by names_found.address_key asc, names_found.priority asc, char_length(names_found.matched) desc, names_found.pattern_id

),

addresses_placed as (

    select
        districts_decided.address_key,
        districts_decided.area_code,
        streets_found.area_code as street_code,
        zones_found.area_code as zone_code,
        districts_decided.rule,
        -- a person's community is nobody's business: the street is shown, the word that proved it is not
        streets_found.kind as street_kind,
        streets_found.matched as street_matched,
        zones_found.kind as zone_kind,
        zones_found.matched as zone_matched,
        districts_decided.county,
        districts_decided.county_area_code,
        districts_decided.text_evidence,
        -- written as 滨海新区, the same zone is administered by the district that is written
        districts_decided.area_code = '120110' and coalesce(zones_found.is_zone_of_other, false) as is_zone_of_other,
        districts_decided.is_county_against_text,
        foreign_mentions.address_key is not null as has_other_district,
        case
            -- one place under two names is no contradiction
            when zones_found.kind = 'zone_of_other' then zones_found.needs_review and districts_decided.area_code = '120110'
            else
                coalesce(zones_found.needs_review, false)
                or districts_decided.is_county_against_text
                or foreign_mentions.address_key is not null
        end as needs_review,
        districts_decided.district_confidence,
        zones_found.confidence as zone_confidence
    from districts_decided
    left join zones_found on districts_decided.address_key = zones_found.address_key
    left join streets_found on districts_decided.address_key = streets_found.address_key
    left join foreign_mentions on districts_decided.address_key = foreign_mentions.address_key

),

final as (

    select
        located.address_key,
        located.rule_version,
        case when located.is_in_city then coalesce(addresses_placed.area_code, '1201') end as area_code,
        addresses_placed.street_code,
        addresses_placed.zone_code,
        case
            when located.is_in_city then coalesce(addresses_placed.rule, 'city_only')
            when located.is_empty then 'no_address'
            else 'outside_city'
        end as rule,
        {{ attribution_evidence(is_person=false) }} as evidence_zh,
        {{ attribution_evidence(is_person=true) }} as person_evidence_zh,
        case
            when addresses_placed.needs_review then 'low'
            when addresses_placed.is_zone_of_other then coalesce(addresses_placed.zone_confidence, 'medium')
            when addresses_placed.area_code is not null then addresses_placed.district_confidence
            when located.is_in_city then 'low'
            else 'high'
        end as confidence,
        coalesce(addresses_placed.is_zone_of_other, false) as is_zone_of_other,
        coalesce(addresses_placed.needs_review, false) as needs_review,
        now() as attributed_at
    from located
    left join addresses_placed on located.address_key = addresses_placed.address_key

)

select * from final
