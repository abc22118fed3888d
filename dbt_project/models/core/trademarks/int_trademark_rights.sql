{{
    config(
        indexes=[
            {'columns': ['trademark_id', 'known_from', 'segment_no'], 'unique': true},
            {'columns': ['area_code']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Each mark in force from which day to (not including) which, with whom and where, as known between two days. A mark whose
-- records show no address is placed by the other records of its owner, on the days on which these are known; one that
-- nothing places is kept without an area, for review.
with

states as (

    select * from {{ ref('int_trademark_states') }}

),

owners as (

    select * from {{ ref('int_trademark_owners') }}

),

owner_places as (

    select
        owner_key,
        address_key,
        known_from,
        known_to
    from {{ ref('int_owner_places') }}

    union all

    -- before anything was known of an owner
    select
        owner_key,
        null::text as address_key,
        '-infinity'::date as known_from,
        min(known_from) as known_to
    from {{ ref('int_owner_places') }}
    group by owner_key

),

placed as (

    select attributed.*
    from {{ ref('fct_address_attributions') }} as attributed
    inner join {{ ref('int_attribution_rules') }} as rules on attributed.rule_version = rules.rule_version

),

told as (

    select
        owners.trademark_id,
        owners.known_from as state_from,
        owners.segment_no,
        owners.first_owner_key,
        owners.is_natural_person_owner,
        owners.address_source,
        owners.held_from,
        owners.held_to,
        coalesce(owners.address_key, owner_places.address_key) as address_key,
        greatest(owners.known_from, owner_places.known_from) as known_from,
        least(owners.known_to, owner_places.known_to) as known_to
    from owners
    left join owner_places
        on
            owners.address_key is null
            and not owners.is_natural_person_owner
            and owners.first_owner_key = owner_places.owner_key
            and (owners.known_to is null or owners.known_to > owner_places.known_from)
            and (owner_places.known_to is null or owners.known_from < owner_places.known_to)

),

final as (

    select
        told.trademark_id,
        states.trademark_number,
        states.origin,
        told.first_owner_key as owner_key,
        states.mark_kind,
        placed.area_code,
        placed.street_code,
        placed.zone_code,
        case
            when placed.address_key is null then 'owner_unplaced'
            when told.address_source = 'none' then 'owner_records'
            else placed.rule
        end as attribution_rule,
        case when told.is_natural_person_owner then placed.person_evidence_zh else placed.evidence_zh end as attribution_evidence,
        case when placed.address_key is null then 'low' else placed.confidence end as attribution_confidence,
        told.segment_no,
        states.nice_class,
        told.is_natural_person_owner,
        coalesce(placed.is_zone_of_other, false) as is_zone_of_other,
        coalesce(placed.needs_review, true) as needs_review,
        greatest(states.in_force_from, told.held_from) as counted_from,
        least(states.in_force_to, told.held_to) as counted_to,
        told.known_from,
        told.known_to
    from told
    inner join states
        on told.trademark_id = states.trademark_id and told.state_from = states.known_from
    left join placed on told.address_key = placed.address_key
    where
        states.in_force_from is not null
        and (
            least(states.in_force_to, told.held_to) is null
            or greatest(states.in_force_from, told.held_from) < least(states.in_force_to, told.held_to)
        )

)

select * from final
