{{
    config(
        indexes=[
            {'columns': ['patent_id', 'known_from'], 'unique': true},
            {'columns': ['area_code']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- What was known of each patent, from which day to which: the two clocks in one row. A patent is its application number
-- where one is certain (the printed one, where old and international applications have no standard form), else its
-- publication number; A and B of one application are one patent, and an intact number in one form of a publication
-- serves its other forms. The attributes of a day come from the best version known on it: a correction before what it
-- corrects, XML before CSV before the gazette, the later before the earlier.
with

publications as (

    select * from {{ ref('fct_publications') }}

),

attributions as (

    select attributed.*
    from {{ ref('fct_patent_attributions') }} as attributed
    inner join {{ ref('int_attribution_rules') }} as rules on attributed.rule_version = rules.rule_version

),

overrides as (

    select distinct on (record_key)
        record_key,
        left(md5(overrides::text), 12) as override_key
    from {{ ref('attribution_overrides') }} as overrides
    order by record_key asc, reviewed_on desc

),

terms as (

    select * from {{ ref('legal_terms') }}

),

-- a version is known from its first delivery on
versions as (

    select distinct on (publications.publication_version_id)
        publications.*,
        coalesce(by_publication.override_key, by_application.override_key, '') as override_key
    from publications
    left join overrides as by_publication on publications.publication_number = by_publication.record_key
    left join overrides as by_application on publications.application_number = by_application.record_key
    order by publications.publication_version_id, publications.known_at

),

placed as (

    select
        versions.*,
        attributions.area_code,
        attributions.street_code,
        attributions.zone_code,
        attributions.rule as attribution_rule,
        attributions.evidence_zh as attribution_evidence,
        attributions.confidence as attribution_confidence,
        attributions.is_zone_of_other,
        attributions.needs_review,
        versions.grant_date is not null as is_grant,
        case versions.layout when 'bibs_xml' then 1 when 'bibs_csv' then 2 else 3 end as layout_rank
    from versions
    inner join attributions
        on
            versions.publication_version_id = attributions.publication_version_id
            and versions.override_key = attributions.override_key

),

-- one publication may carry its number in one form only; several different ones are settled by the best version
publication_identities as (

    select distinct on (publication_number)
        publication_number,
        coalesce(application_number, application_number_display, publication_number) as patent_id,
        application_number,
        application_number_display
    from placed
    order by
        publication_number asc, application_number is null, application_number_display is null,
        document_status = 'R' desc, layout_rank, known_at desc,
        publication_version_id asc

),

identified as (

    select
        placed.*,
        publication_identities.patent_id,
        publication_identities.application_number as patent_application_number,
        publication_identities.application_number_display as patent_number_display
    from placed
    inner join publication_identities on placed.publication_number = publication_identities.publication_number

),

-- a state begins on each day on which something was learnt
days_learnt as (

    select distinct
        patent_id,
        known_at as known_from
    from identified

),

states_known as (

    select
        patent_id,
        known_from,
        lead(known_from) over (partition by patent_id order by known_from) as known_to
    from days_learnt

),

-- the best version of a document on each of those days; grant and publication apart
best_versions as (

    select distinct on (states_known.patent_id, states_known.known_from, identified.is_grant)
        states_known.known_from as state_from,
        states_known.known_to as state_to,
        identified.*
    from states_known
    inner join identified
        on
            states_known.patent_id = identified.patent_id
            and states_known.known_from >= identified.known_at
    order by
        states_known.patent_id asc, states_known.known_from asc, identified.is_grant asc, identified.document_status = 'R' desc,
        identified.layout_rank, identified.known_at desc, identified.publication_version_id asc

),

grants as (

    select * from best_versions
    where is_grant

),

applications as (

    select * from best_versions
    where not is_grant

),

merged as (

    select
        states_known.patent_id,
        coalesce(grants.publication_number, applications.publication_number) as publication_number,
        applications.publication_number as first_publication_number,
        grants.publication_number as grant_number,
        coalesce(grants.patent_application_number, applications.patent_application_number) as application_number,
        coalesce(grants.patent_number_display, applications.patent_number_display) as application_number_display,
        coalesce(grants.title, applications.title) as title,
        coalesce(grants.patent_type, applications.patent_type) as patent_type,
        coalesce(grants.kind_code, applications.kind_code) as kind_code,
        coalesce(grants.ipc_main, applications.ipc_main) as ipc_main,
        coalesce(grants.first_owner_key, applications.first_owner_key) as first_owner_key,
        coalesce(grants.is_natural_person_owner, applications.is_natural_person_owner) as is_natural_person_owner,
        -- a grant without any address is placed by its own application
        coalesce(grants.attribution_rule, 'no_address') = 'no_address'
        and applications.attribution_rule is not null as is_placed_by_application,
        grants.area_code as grant_area_code,
        grants.street_code as grant_street_code,
        grants.zone_code as grant_zone_code,
        grants.attribution_rule as grant_rule,
        grants.attribution_evidence as grant_evidence,
        grants.attribution_confidence as grant_confidence,
        grants.is_zone_of_other as grant_is_zone_of_other,
        grants.needs_review as grant_needs_review,
        applications.area_code as application_area_code,
        applications.street_code as application_street_code,
        applications.zone_code as application_zone_code,
        applications.attribution_rule as application_rule,
        applications.attribution_evidence as application_evidence,
        applications.attribution_confidence as application_confidence,
        applications.is_zone_of_other as application_is_zone_of_other,
        applications.needs_review as application_needs_review,
        coalesce(grants.filing_date, applications.filing_date) as filing_date,
        coalesce(applications.publication_date, grants.publication_date) as publication_date,
        grants.grant_date,
        states_known.known_from,
        states_known.known_to
    from states_known
    left join grants on states_known.patent_id = grants.patent_id and states_known.known_from = grants.state_from
    left join applications
        on states_known.patent_id = applications.patent_id and states_known.known_from = applications.state_from

),

final as (

    select
        merged.patent_id,
        merged.publication_number,
        merged.first_publication_number,
        merged.grant_number,
        merged.application_number,
        merged.application_number_display,
        merged.title,
        merged.patent_type,
        merged.kind_code,
        merged.ipc_main,
        merged.first_owner_key,
        case when merged.is_placed_by_application then merged.application_area_code else merged.grant_area_code end as area_code,
        case when merged.is_placed_by_application then merged.application_street_code else merged.grant_street_code end
            as street_code,
        case when merged.is_placed_by_application then merged.application_zone_code else merged.grant_zone_code end as zone_code,
        case when merged.is_placed_by_application then merged.application_rule else merged.grant_rule end as attribution_rule,
        case when merged.is_placed_by_application then merged.application_evidence else merged.grant_evidence end
            as attribution_evidence,
        case when merged.is_placed_by_application then merged.application_confidence else merged.grant_confidence end
            as attribution_confidence,
        merged.is_natural_person_owner,
        case when merged.is_placed_by_application then merged.application_is_zone_of_other else merged.grant_is_zone_of_other end
            as is_zone_of_other,
        case when merged.is_placed_by_application then merged.application_needs_review else merged.grant_needs_review end
            as needs_review,
        merged.grant_date is not null as is_granted,
        merged.filing_date,
        merged.publication_date,
        merged.grant_date,
        {{ patent_expiry_date('merged.filing_date', 'terms.term_years') }} as expiry_date,
        merged.known_from,
        merged.known_to
    from merged
    left join terms
        on
            merged.patent_type = terms.patent_type
            and merged.filing_date >= terms.filed_from
            and (terms.filed_to is null or merged.filing_date <= terms.filed_to)

)

select * from final
