{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[
            {'columns': ['publication_version_id', 'rule_version', 'override_key'], 'unique': true},
            {'columns': ['area_code']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only: which area a version of a publication belongs to: a reviewed override, else what its address says. One
-- row a version of a publication, version of the rules and reviewed override.
with

publications as (

    select * from {{ ref('fct_publications') }}

),

overrides as (

    select * from {{ ref('attribution_overrides') }}

),

rules as (

    select * from {{ ref('int_attribution_rules') }}

),

placed as (

    select * from {{ ref('fct_address_attributions') }}

),

keyed_overrides as (

    select distinct on (record_key)
        *,
        left(md5(overrides::text), 12) as override_key
    from overrides
    order by record_key asc, reviewed_on desc

),

-- known_at plays no part in where a record belongs: a version known twice is placed once
versions as (

    select distinct on (publications.publication_version_id)
        publications.publication_version_id,
        publications.publication_number,
        rules.rule_version,
        coalesce(by_publication.override_key, by_application.override_key, '') as override_key,
        publications.is_natural_person_owner,
        {{ address_key('publications') }} as address_key,
        coalesce(by_publication.record_key, by_application.record_key) as override_record_key
    from publications
    cross join rules
    left join keyed_overrides as by_publication on publications.publication_number = by_publication.record_key
    left join keyed_overrides as by_application on publications.application_number = by_application.record_key
    {% if is_incremental() %}
        where not exists (
                select 1
                from {{ this }} as kept
                where
                    kept.publication_version_id = publications.publication_version_id
                    and kept.rule_version = rules.rule_version
                    and kept.override_key = coalesce(by_publication.override_key, by_application.override_key, '')
            )
    {% endif %}
    order by publications.publication_version_id

),

final as (

    select
        versions.publication_version_id,
        versions.publication_number,
        case when keyed_overrides.record_key is null then placed.area_code else keyed_overrides.area_code end as area_code,
        case when keyed_overrides.record_key is null then placed.street_code else keyed_overrides.street_code end as street_code,
        case when keyed_overrides.record_key is null then placed.zone_code else keyed_overrides.zone_code end as zone_code,
        case when keyed_overrides.record_key is null then placed.rule else 'override' end as rule,
        versions.rule_version,
        versions.override_key,
        case
            when keyed_overrides.record_key is not null then '人工复核：' || keyed_overrides.reason_zh
            when versions.is_natural_person_owner then placed.person_evidence_zh
            else placed.evidence_zh
        end as evidence_zh,
        case when keyed_overrides.record_key is null then placed.confidence else 'high' end as confidence,
        case
            when keyed_overrides.record_key is null then placed.is_zone_of_other
            else coalesce(keyed_overrides.is_zone_of_other, false)
        end as is_zone_of_other,
        keyed_overrides.record_key is null and placed.needs_review as needs_review,
        now() as attributed_at
    from versions
    inner join placed on versions.address_key = placed.address_key and versions.rule_version = placed.rule_version
    left join keyed_overrides on versions.override_record_key = keyed_overrides.record_key

)

select * from final
