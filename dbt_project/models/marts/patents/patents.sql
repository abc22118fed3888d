{{
    config(
        indexes=[
            {'columns': ['patent_id'], 'unique': true},
            {'columns': ['area_code', 'grant_date']},
        ],
    )
}}

-- One row a patent of the city, as known now. Of natural persons only the district is shown: no name, no key, no street.
with

states as (

    select * from {{ ref('int_patent_states') }}
    where known_to is null

),

owners as (

    select * from {{ ref('dim_owners') }}

),

areas as (

    select * from {{ ref('area_codes') }}

),

shown as (

    select
        states.*,
        owners.owner_name_shown,
        coalesce(states.is_natural_person_owner, false) as is_person
    from states
    left join owners on states.first_owner_key = owners.owner_key
    where states.area_code is not null

),

final as (

    select
        shown.patent_id,
        shown.publication_number,
        shown.grant_number,
        shown.application_number,
        shown.application_number_display,
        shown.title,
        shown.patent_type,
        case shown.patent_type
            when 'invention' then '发明'
            when 'utility_model' then '实用新型'
            when 'design' then '外观设计'
        end as patent_type_zh,
        shown.kind_code,
        case when not shown.is_person then shown.first_owner_key end as owner_key,
        case when shown.is_person then '自然人' else shown.owner_name_shown end as owner_name_shown,
        shown.ipc_main,
        shown.area_code,
        districts.name_zh as area_name_zh,
        shown.attribution_rule,
        case
            when shown.is_person then split_part(shown.attribution_evidence, '；', 1)
            else shown.attribution_evidence
        end as attribution_evidence,
        shown.attribution_confidence,
        case when not shown.is_person then zones.name_zh end as zone_name_zh,
        shown.is_person as is_natural_person_owner,
        shown.is_zone_of_other as is_district_zone_of_other,
        shown.needs_review,
        shown.is_granted,
        shown.filing_date,
        shown.publication_date,
        shown.grant_date,
        shown.expiry_date,
        shown.known_from as known_at
    from shown
    left join areas as districts on shown.area_code = districts.area_code
    left join areas as zones on shown.zone_code = zones.area_code

)

select * from final
