{{
    config(
        indexes=[
            {'columns': ['legal_event_id'], 'unique': true},
            {'columns': ['patent_id']},
            {'columns': ['area_code', 'event_type', 'effective_date']},
        ],
    )
}}

-- What the register announced about the patents of the city, as known now; what could not be typed is among it. A patent
-- that left the city keeps its events. Of natural persons nothing is shown.
with

known as (

    select * from {{ ref('int_patent_events_known') }}
    where known_to is null

),

events as (

    select * from {{ ref('fct_patent_events') }}

),

types as (

    select * from {{ ref('legal_event_types') }}

),

owners as (

    select * from {{ ref('dim_owners') }}

),

states as (

    select * from {{ ref('int_patent_states') }}
    where known_to is null

),

rights as (

    select * from {{ ref('int_patent_rights') }}
    where known_to is null

),

areas as (

    select * from {{ ref('area_codes') }}

),

-- where the patent was on the day of the event
placed as (

    select
        known.legal_event_id,
        states.patent_id,
        states.application_number_display,
        states.patent_type,
        case when rights.patent_id is null then states.area_code else rights.area_code end as area_code
    from known
    inner join states on known.patent_id = states.patent_id
    left join rights
        on
            known.patent_id = rights.patent_id
            and known.effective_date >= rights.counted_from
            and (rights.counted_to is null or known.effective_date < rights.counted_to)

),

-- a patent of the city is one that is or was there by what is known now
of_the_city as (

    select patent_id from states
    where area_code is not null
    union
    select patent_id from rights
    where area_code is not null

),

described as (

    select distinct on (events.legal_event_id) events.*
    from events
    inner join known on events.legal_event_id = known.legal_event_id and events.event_type = known.event_type
    order by events.legal_event_id, events.known_at

),

final as (

    select
        described.legal_event_id,
        placed.patent_id,
        placed.application_number_display,
        placed.patent_type,
        described.event_type,
        types.name_zh as event_type_zh,
        described.announced_as,
        described.contract_number,
        described.licence_kind,
        case described.licence_kind
            when 'exclusive' then '独占许可'
            when 'sole' then '排他许可'
            when 'ordinary' then '普通许可'
        end as licence_kind_zh,
        case when not described.is_from_natural_person then described.from_owner_key end as from_owner_key,
        case when described.is_from_natural_person then '自然人' else from_owners.owner_name_shown end as from_name_shown,
        case when not described.is_to_natural_person then described.to_owner_key end as to_owner_key,
        case when described.is_to_natural_person then '自然人' else to_owners.owner_name_shown end as to_name_shown,
        placed.area_code,
        areas.name_zh as area_name_zh,
        described.group_no,
        described.is_correction,
        described.effective_date,
        described.announcement_date,
        described.start_date,
        described.release_date,
        described.known_at
    from described
    inner join placed on described.legal_event_id = placed.legal_event_id
    inner join of_the_city on placed.patent_id = of_the_city.patent_id
    left join types on described.event_type = types.event_type
    left join owners as from_owners on described.from_owner_key = from_owners.owner_key
    left join owners as to_owners on described.to_owner_key = to_owners.owner_key
    left join areas on placed.area_code = areas.area_code

)

select * from final
