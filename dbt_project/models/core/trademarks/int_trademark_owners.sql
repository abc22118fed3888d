{{
    config(
        indexes=[
            {'columns': ['trademark_id', 'known_from', 'segment_no'], 'unique': true},
            {'columns': ['first_owner_key']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Who held each mark from which day to which, as known from which day to which: the segments of each row of
-- int_trademark_states. A transfer gives its day: the transferor before it, the transferee from it on. Where the records
-- name another owner and no transfer tells of it (a firm renamed), it holds the mark from the delivery that shows it.
-- Each segment carries the best evidence of where its owner is; one without any is placed by the owner's other records.
with

records as (

    select * from {{ ref('int_trademarks_identified') }}
    where trademark_id is not null

),

transfers as (

    select * from {{ ref('int_trademark_transfers') }}

),

states_known as (

    select
        trademark_id,
        known_from,
        lead(known_from) over (partition by trademark_id order by known_from) as known_to
    from {{ ref('int_trademark_days') }}

),

-- the owner that the records of a day name
owners_shown as (

    select distinct on (trademark_id, known_at)
        trademark_id,
        known_at,
        first_owner_key
    from records
    where first_owner_key is not null
    order by trademark_id asc, known_at asc, state is null, {{ is_ended_state('state') }} desc, record_version_id asc

),

owners_compared as (

    select
        *,
        lag(first_owner_key) over (partition by trademark_id order by known_at) as former_owner_key
    from owners_shown

),

transfers_known as (

    select
        states_known.known_from as state_from,
        transfers.*
    from states_known
    inner join transfers
        on states_known.trademark_id = transfers.trademark_id and states_known.known_from >= transfers.known_at

),

-- an owner that a transfer names is held by its days, whatever a later record still shows
transfer_parties as (

    select
        trademark_id,
        state_from,
        first_transferor_key as owner_key
    from transfers_known
    where first_transferor_key is not null
    union
    select
        trademark_id,
        state_from,
        first_transferee_key as owner_key
    from transfers_known
    where first_transferee_key is not null

),

changes as (

    select
        trademark_id,
        state_from,
        first_transferor_key as former_owner_key,
        first_transferee_key as owner_key,
        sequence_no as order_of_day,
        record_version_id,
        effective_date as changed_on
    from transfers_known
    union all
    select
        owners_compared.trademark_id,
        states_known.known_from as state_from,
        owners_compared.former_owner_key,
        owners_compared.first_owner_key as owner_key,
        null::integer as order_of_day,
        null::text as record_version_id,
        owners_compared.known_at as changed_on
    from states_known
    inner join owners_compared
        on
            states_known.trademark_id = owners_compared.trademark_id
            and states_known.known_from >= owners_compared.known_at
    left join transfer_parties
        on
            states_known.trademark_id = transfer_parties.trademark_id
            and states_known.known_from = transfer_parties.state_from
            and owners_compared.first_owner_key = transfer_parties.owner_key
    where
        owners_compared.former_owner_key <> owners_compared.first_owner_key
        and transfer_parties.owner_key is null

),

changes_ordered as (

    select
        *,
        row_number() over by_day as change_no,
        lead(changed_on) over by_day as next_change_on
    from changes
    window
        by_day as (
            partition by trademark_id, state_from
            order by changed_on, order_of_day nulls last, record_version_id
        )

),

-- the owner before the first change; without any change that of the records
first_owners as (

    select distinct on (states_known.trademark_id, states_known.known_from)
        states_known.trademark_id,
        states_known.known_from as state_from,
        owners_shown.first_owner_key
    from states_known
    left join owners_shown
        on
            states_known.trademark_id = owners_shown.trademark_id
            and states_known.known_from >= owners_shown.known_at
    order by states_known.trademark_id, states_known.known_from, owners_shown.known_at

),

segments as (

    select
        first_owners.trademark_id,
        first_owners.state_from,
        0 as segment_no,
        coalesce(changes_ordered.former_owner_key, first_owners.first_owner_key) as first_owner_key,
        null::date as held_from,
        changes_ordered.changed_on as held_to
    from first_owners
    left join changes_ordered
        on
            first_owners.trademark_id = changes_ordered.trademark_id
            and first_owners.state_from = changes_ordered.state_from
            and changes_ordered.change_no = 1
    union all
    select
        trademark_id,
        state_from,
        change_no as segment_no,
        owner_key as first_owner_key,
        changed_on as held_from,
        next_change_on as held_to
    from changes_ordered
    where next_change_on is null or next_change_on > changed_on

),

-- what the records known say of where an owner is: the latest that says anything
places as (

    select distinct on (records.trademark_id, states_known.known_from, coalesce(records.first_owner_key, ''))
        records.trademark_id,
        states_known.known_from as state_from,
        coalesce(records.first_owner_key, '') as owner_or_blank,
        records.address_text,
        records.province,
        records.city,
        records.county,
        records.post_code
    from states_known
    inner join records
        on states_known.trademark_id = records.trademark_id and states_known.known_from >= records.known_at
    where coalesce(records.address_text, records.province, records.city, records.county, records.post_code) is not null
    order by
        records.trademark_id asc, states_known.known_from asc, coalesce(records.first_owner_key, '') asc,
        records.known_at desc, records.record_version_id asc

),

transfer_places as (

    select distinct on (trademark_id, state_from, first_transferee_key)
        trademark_id,
        state_from,
        first_transferee_key,
        transferee_address_text
    from transfers_known
    where transferee_address_text is not null
    order by trademark_id asc, state_from asc, first_transferee_key asc, effective_date desc, record_version_id asc

),

placed as (

    select
        segments.trademark_id,
        segments.first_owner_key,
        case
            when places.trademark_id is not null then 'record'
            when transfer_places.trademark_id is not null then 'transfer'
            else 'none'
        end as address_source,
        coalesce(places.address_text, transfer_places.transferee_address_text) as address_text,
        places.province,
        places.city,
        places.county,
        places.post_code,
        segments.segment_no,
        coalesce(segments.first_owner_key like 'p%', false) as is_natural_person_owner,
        segments.held_from,
        segments.held_to,
        states_known.known_from,
        states_known.known_to
    from segments
    inner join states_known
        on segments.trademark_id = states_known.trademark_id and segments.state_from = states_known.known_from
    left join places
        on
            segments.trademark_id = places.trademark_id
            and segments.state_from = places.state_from
            and coalesce(segments.first_owner_key, '') = places.owner_or_blank
    left join transfer_places
        on
            segments.trademark_id = transfer_places.trademark_id
            and segments.state_from = transfer_places.state_from
            and segments.first_owner_key = transfer_places.first_transferee_key

),

final as (

    select
        placed.trademark_id,
        placed.first_owner_key,
        placed.address_source,
        case when placed.address_source <> 'none' then {{ address_key('placed') }} end as address_key,
        placed.address_text,
        placed.province,
        placed.city,
        placed.county,
        placed.post_code,
        placed.segment_no,
        placed.is_natural_person_owner,
        placed.held_from,
        placed.held_to,
        placed.known_from,
        placed.known_to
    from placed

)

select * from final
