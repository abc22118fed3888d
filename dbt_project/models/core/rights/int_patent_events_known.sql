{{
    config(
        indexes=[{'columns': ['application_number']}],
        post_hook='analyze {{ this }}',
    )
}}

-- Each event with the days between which it was believed: a correction document replaces what it corrects from the day
-- on which it is known. It names its record; where the record has another id, number, type and gazette day tell.
with

events as (

    select * from {{ ref('fct_patent_events') }}
    where application_number is not null

),

-- a version is known from its first delivery on
versions as (

    select distinct on (event_version_id) *
    from events
    order by event_version_id, known_at

),

corrections as (

    select * from versions
    where document_status = 'R'

),

-- two conditions of equality instead of one with `or`: each can be hashed
replaced as (

    select
        versions.event_version_id,
        corrections.known_at as replaced_at
    from versions
    inner join corrections
        on
            versions.application_number = corrections.application_number
            and versions.record_id = corrections.record_id
    where
        versions.event_version_id <> corrections.event_version_id
        and (versions.document_status <> 'R' or versions.known_at < corrections.known_at)

    union all

    select
        versions.event_version_id,
        corrections.known_at as replaced_at
    from versions
    inner join corrections
        on
            versions.application_number = corrections.application_number
            and versions.event_type = corrections.event_type
            and versions.announcement_date = corrections.announcement_date
    where
        versions.event_version_id <> corrections.event_version_id
        and versions.document_status <> 'R'

),

first_replaced as (

    select
        event_version_id,
        min(replaced_at) as replaced_at
    from replaced
    group by event_version_id

),

final as (

    select
        versions.event_version_id,
        versions.record_id,
        versions.application_number,
        versions.event_type,
        versions.contract_number,
        versions.licence_kind,
        versions.from_owner_key,
        versions.to_owner_key,
        versions.to_address_key,
        versions.event_no,
        versions.group_no,
        versions.is_to_natural_person,
        versions.has_to_address,
        versions.effective_date,
        versions.announcement_date,
        versions.start_date,
        versions.release_date,
        versions.known_at as known_from,
        first_replaced.replaced_at as known_to
    from versions
    left join first_replaced on versions.event_version_id = first_replaced.event_version_id
    -- corrected before it was delivered at all: never believed
    where first_replaced.replaced_at is null or first_replaced.replaced_at > versions.known_at

)

select * from final
