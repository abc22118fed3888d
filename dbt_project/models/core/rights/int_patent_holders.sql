{{
    config(
        indexes=[{'columns': ['patent_id', 'known_from']}],
        post_hook='analyze {{ this }}',
    )
}}

-- Who held a granted patent from which day to which, as known between two days, for patents whose first owner changed.
-- Only what befalls the first owner moves a patent: the first group of a record, when it names the owner of that time; a
-- second owner's transfer is kept among the events and moves nothing. The new owner's place is the address that the
-- record gives, else where the owner's own records are; a change of name moves nothing, a change of address does.
with recursive

states as (

    select * from {{ ref('int_patent_states') }}
    where is_granted

),

events as (

    select * from {{ ref('int_patent_events_known') }}
    where
        event_type in ('transfer', 'name_change', 'address_change', 'name_address_change')
        and coalesce(group_no, 1) = 1

),

placed as (

    select attributed.*
    from {{ ref('fct_address_attributions') }} as attributed
    inner join {{ ref('int_attribution_rules') }} as rules on attributed.rule_version = rules.rule_version

),

owner_places as (

    select * from {{ ref('int_owner_places') }}

),

days_learnt as (

    select
        events.patent_id,
        events.known_from as day_learnt
    from events
    union
    select
        events.patent_id,
        events.known_to as day_learnt
    from events
    where events.known_to is not null
    union
    select
        states.patent_id,
        states.known_from as day_learnt
    from states
    where states.patent_id in (select events.patent_id from events)
    union
    -- where a new owner without an address is may be learnt later
    select
        events.patent_id,
        owner_places.known_from as day_learnt
    from events
    inner join owner_places on events.to_owner_key = owner_places.owner_key
    where not events.has_to_address and events.event_type = 'transfer' and owner_places.known_from > events.known_from

),

knowledge as (

    select
        patent_id,
        day_learnt as known_from,
        lead(day_learnt) over (partition by patent_id order by day_learnt) as known_to
    from days_learnt

),

granted as (

    select
        knowledge.known_from as believed_from,
        knowledge.known_to as believed_to,
        states.*
    from knowledge
    inner join states
        on
            knowledge.patent_id = states.patent_id
            and knowledge.known_from >= states.known_from
            and (states.known_to is null or knowledge.known_from < states.known_to)

),

-- what happened after the grant, in order; the grant itself already names who held the application then
moves as (

    select
        granted.patent_id,
        granted.believed_from,
        events.legal_event_id,
        events.event_type,
        events.from_owner_key,
        events.to_owner_key,
        events.is_to_natural_person,
        events.has_to_address,
        events.to_address_key,
        coalesce(events.effective_date, events.announcement_date) as moved_on,
        row_number() over (
            partition by granted.patent_id, granted.believed_from
            order by
                coalesce(events.effective_date, events.announcement_date), events.announcement_date, events.announcement_id,
                events.event_no
        ) as move_no
    from granted
    inner join events
        on
            granted.patent_id = events.patent_id
            and granted.believed_from >= events.known_from
            and (events.known_to is null or granted.believed_from < events.known_to)
            and coalesce(events.effective_date, events.announcement_date) >= granted.grant_date

),

-- step by step: each move is held against the owner whom the steps before it left
chain as (

    select
        granted.patent_id,
        granted.believed_from,
        0::bigint as move_no,
        granted.first_owner_key as owner_key,
        granted.is_natural_person_owner as is_natural_person,
        null::text as legal_event_id,
        null::text as event_type,
        null::text as address_key,
        granted.grant_date as moved_on,
        true as is_moved
    from granted

    union all

    select
        chain.patent_id,
        chain.believed_from,
        moves.move_no,
        case
            when coalesce(moves.from_owner_key = chain.owner_key, true) then coalesce(moves.to_owner_key, chain.owner_key)
            else chain.owner_key
        end as owner_key,
        case
            when coalesce(moves.from_owner_key = chain.owner_key, true) and moves.to_owner_key is not null
                then moves.is_to_natural_person
            else chain.is_natural_person
        end as is_natural_person,
        moves.legal_event_id,
        moves.event_type,
        case when moves.has_to_address then moves.to_address_key end as address_key,
        moves.moved_on,
        coalesce(moves.from_owner_key = chain.owner_key, true) as is_moved
    from chain
    inner join moves
        on
            chain.patent_id = moves.patent_id
            and chain.believed_from = moves.believed_from
            and moves.move_no = chain.move_no + 1
),

moved as (

    select
        chain.*,
        coalesce(chain.address_key, case when chain.event_type = 'transfer' then owner_places.address_key end) as place_key,
        -- only these say where the owner is from now on
        chain.move_no = 0
        or chain.event_type = 'transfer'
        or chain.address_key is not null as is_new_place
    from chain
    left join owner_places
        on
            chain.owner_key = owner_places.owner_key
            and chain.believed_from >= owner_places.known_from
            and (owner_places.known_to is null or chain.believed_from < owner_places.known_to)
    where chain.is_moved

),

-- a place holds until the next one that is told
with_place as (

    select
        moved.*,
        max(moved.move_no) filter (where moved.is_new_place) over (
            partition by moved.patent_id, moved.believed_from
            order by moved.move_no
        ) as place_move_no
    from moved

),

held as (

    select
        with_place.*,
        lead(with_place.moved_on) over (
            partition by with_place.patent_id, with_place.believed_from
            order by with_place.move_no
        ) as held_to
    from with_place

),

final as (

    select
        held.patent_id,
        held.legal_event_id,
        held.owner_key,
        coalesce(held.place_move_no, 0) > 0 as is_placed_by_event,
        case when held.place_move_no > 0 then placed.area_code end as area_code,
        case when held.place_move_no > 0 then placed.street_code end as street_code,
        case when held.place_move_no > 0 then placed.zone_code end as zone_code,
        case
            when held.place_move_no > 0 and placed.address_key is null then 'owner_unplaced'
            when held.place_move_no > 0 then placed.rule
        end as attribution_rule,
        case
            when held.place_move_no > 0 and held.is_natural_person then placed.person_evidence_zh
            when held.place_move_no > 0 then placed.evidence_zh
        end as attribution_evidence,
        case when held.place_move_no > 0 then coalesce(placed.confidence, 'low') end as attribution_confidence,
        coalesce(held.is_natural_person, false) as is_natural_person_owner,
        held.place_move_no > 0 and coalesce(placed.is_zone_of_other, false) as is_zone_of_other,
        held.place_move_no > 0 and coalesce(placed.needs_review, true) as needs_review,
        held.moved_on as held_from,
        held.held_to,
        held.believed_from as known_from,
        granted.believed_to as known_to
    from held
    inner join granted on held.patent_id = granted.patent_id and held.believed_from = granted.believed_from
    left join held as told
        on
            held.patent_id = told.patent_id
            and held.believed_from = told.believed_from
            and held.place_move_no = told.move_no
    left join placed on told.place_key = placed.address_key
    where held.held_to is null or held.held_to > held.moved_on

)

select * from final
