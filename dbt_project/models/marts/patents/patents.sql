{{
    config(
        indexes=[
            {'columns': ['patent_id'], 'unique': true},
            {'columns': ['area_code', 'grant_date']},
        ],
    )
}}

-- One row a patent of the city, as known now: where its present owner is, and whether it is in force on the day of the
-- build. Of natural persons only the district is shown: no name, no key, no street.
with

states as (

    select * from {{ ref('int_patent_states') }}
    where known_to is null

),

-- the latest stretch of force: its owner and place are the present ones
rights as (

    select distinct on (patent_id) *
    from {{ ref('int_patent_rights') }}
    where known_to is null
    order by patent_id asc, counted_from desc

),

ends as (

    select * from {{ ref('int_patent_ends') }}
    where known_to is null

),

owners as (

    select * from {{ ref('dim_owners') }}

),

areas as (

    select * from {{ ref('area_codes') }}

),

placed as (

    select
        states.patent_id,
        states.publication_number,
        states.grant_number,
        states.application_number,
        states.application_number_display,
        states.title,
        states.patent_type,
        states.kind_code,
        states.ipc_main,
        states.is_granted,
        states.filing_date,
        states.publication_date,
        states.grant_date,
        states.expiry_date,
        states.known_from,
        ends.ended_by,
        ends.end_date,
        rights.counted_to,
        rights.patent_id is not null as has_right,
        case when rights.patent_id is null then states.first_owner_key else rights.owner_key end as owner_key,
        case when rights.patent_id is null then states.area_code else rights.area_code end as area_code,
        case when rights.patent_id is null then states.zone_code else rights.zone_code end as zone_code,
        case when rights.patent_id is null then states.attribution_rule else rights.attribution_rule end as attribution_rule,
        case when rights.patent_id is null then states.attribution_evidence else rights.attribution_evidence end
            as attribution_evidence,
        case when rights.patent_id is null then states.attribution_confidence else rights.attribution_confidence end
            as attribution_confidence,
        case when rights.patent_id is null then states.is_zone_of_other else rights.is_zone_of_other end as is_zone_of_other,
        case when rights.patent_id is null then states.needs_review else rights.needs_review end as needs_review,
        coalesce(
            case when rights.patent_id is null then states.is_natural_person_owner else rights.is_natural_person_owner end, false
        ) as is_person
    from states
    left join rights on states.patent_id = rights.patent_id
    left join ends on states.patent_id = ends.patent_id

),

shown as (

    select
        placed.*,
        owners.owner_name_shown,
        placed.has_right and (placed.counted_to is null or placed.counted_to > {{ as_of_date() }}) as is_in_force
    from placed
    left join owners on placed.owner_key = owners.owner_key
    where placed.area_code is not null

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
        case when not shown.is_person then shown.owner_key end as owner_key,
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
        case
            when not shown.is_granted then '已公开未授权'
            when shown.is_in_force then '有效'
            when shown.ended_by = 'lapse' and shown.end_date < coalesce(shown.expiry_date, 'infinity') then '未缴年费终止'
            when shown.ended_by = 'abandonment' and shown.end_date < coalesce(shown.expiry_date, 'infinity') then '放弃'
            when shown.ended_by = 'invalidation' and shown.end_date < coalesce(shown.expiry_date, 'infinity') then '全部无效'
            else '期限届满'
        end as status_zh,
        shown.is_person as is_natural_person_owner,
        shown.is_zone_of_other as is_district_zone_of_other,
        shown.needs_review,
        shown.is_granted,
        shown.is_in_force,
        shown.filing_date,
        shown.publication_date,
        shown.grant_date,
        shown.expiry_date,
        least(shown.end_date, shown.expiry_date) as end_date,
        shown.known_from as known_at
    from shown
    left join areas as districts on shown.area_code = districts.area_code
    left join areas as zones on shown.zone_code = zones.area_code

)

select * from final
