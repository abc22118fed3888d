{{
    config(
        indexes=[
            {'columns': ['trademark_id'], 'unique': true},
            {'columns': ['area_code', 'right_from']},
        ],
    )
}}

-- One row a mark of the city (registration number and Nice class), as known now: where its present owner is, and whether
-- it is in force on the day of the build. Of natural persons only the district is shown.
with

states as (

    select * from {{ ref('int_trademark_states') }}
    where known_to is null

),

rights as (

    select distinct on (trademark_id) *
    from {{ ref('int_trademark_rights') }}
    where known_to is null
    order by trademark_id asc, segment_no desc

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
        rights.owner_key,
        rights.area_code,
        rights.zone_code,
        rights.attribution_rule,
        rights.attribution_evidence,
        rights.attribution_confidence,
        rights.is_zone_of_other,
        owners.owner_name_shown,
        rights.is_natural_person_owner as is_person,
        rights.needs_review or states.needs_review as is_to_be_reviewed,
        rights.counted_from <= {{ as_of_date() }}
        and (rights.counted_to is null or rights.counted_to > {{ as_of_date() }}) as is_in_force,
        coalesce({{ as_of_date() }} > states.right_to and {{ as_of_date() }} <= states.grace_to, false) as is_in_grace
    from states
    inner join rights on states.trademark_id = rights.trademark_id
    left join owners on rights.owner_key = owners.owner_key
    where rights.area_code is not null

),

final as (

    select
        shown.trademark_id,
        shown.trademark_number,
        shown.registration_number,
        shown.origin,
        shown.name,
        shown.mark_kind,
        shown.state,
        case
            when shown.is_in_force then '有效'
            when shown.is_in_grace then '宽展期'
            when shown.state = 'cancelled' then '已注销或撤销'
            when shown.state = 'invalidated' then '已宣告无效'
            when shown.right_from > {{ as_of_date() }} then '尚未生效'
            else '期满未续展'
        end as status_zh,
        case when not shown.is_person then shown.owner_key end as owner_key,
        case when shown.is_person then '自然人' else shown.owner_name_shown end as owner_name_shown,
        shown.area_code,
        districts.name_zh as area_name_zh,
        shown.attribution_rule,
        case
            when shown.is_person then split_part(shown.attribution_evidence, '；', 1)
            else shown.attribution_evidence
        end as attribution_evidence,
        shown.attribution_confidence,
        case when not shown.is_person then zones.name_zh end as zone_name_zh,
        shown.nice_class,
        shown.is_person as is_natural_person_owner,
        shown.is_zone_of_other as is_district_zone_of_other,
        shown.is_to_be_reviewed as needs_review,
        shown.is_in_force,
        shown.is_in_grace,
        shown.application_date,
        shown.registration_date,
        shown.right_from,
        shown.right_to,
        shown.grace_to,
        shown.ended_on,
        shown.known_from as known_at
    from shown
    left join areas as districts on shown.area_code = districts.area_code
    left join areas as zones on shown.zone_code = zones.area_code

)

select * from final
