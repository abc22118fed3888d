{{
    config(
        indexes=[{'columns': ['patent_id']}],
        post_hook='analyze {{ this }}',
    )
}}

-- Each event with the days between which it was believed: a correction document replaces the whole announcement that it
-- corrects from the day on which it is known. It names its record; where the record has another id, number, code and
-- gazette day tell.
with

events as (

    select * from {{ ref('fct_patent_events') }}
    where patent_id is not null

),

-- an event is known from its first delivery on
first_known as (

    select distinct on (legal_event_id) *
    from events
    order by legal_event_id asc, event_type = 'untyped' asc, known_at asc

),

announcements as (

    select
        announcement_id,
        min(record_id) as record_id,
        min(patent_id) as patent_id,
        min(announced_as) as announced_as,
        min(announcement_date) as announcement_date,
        bool_or(is_correction) as is_correction,
        min(known_at) as known_at
    from first_known
    group by announcement_id

),

corrections as (

    select * from announcements
    where is_correction

),

-- two joins by equality instead of one with `or`: each can be hashed
replacements as (

    select
        announcements.announcement_id,
        corrections.known_at as replaced_at
    from announcements
    inner join corrections
        on announcements.record_id = corrections.record_id
    where
        announcements.announcement_id <> corrections.announcement_id
        and (not announcements.is_correction or announcements.known_at < corrections.known_at)

    union all

    select
        announcements.announcement_id,
        corrections.known_at as replaced_at
    from announcements
    inner join corrections
        on
            announcements.patent_id = corrections.patent_id
            and announcements.announced_as = corrections.announced_as
            and announcements.announcement_date = corrections.announcement_date
    where
        announcements.announcement_id <> corrections.announcement_id
        and (not announcements.is_correction or announcements.known_at < corrections.known_at)

),

replaced as (

    select
        announcement_id,
        min(replaced_at) as replaced_at
    from replacements
    group by announcement_id

),

final as (

    select
        first_known.legal_event_id,
        first_known.announcement_id,
        first_known.patent_id,
        first_known.event_type,
        first_known.contract_number,
        first_known.licence_kind,
        first_known.from_owner_key,
        first_known.to_owner_key,
        first_known.to_address_key,
        first_known.event_no,
        first_known.group_no,
        first_known.is_to_natural_person,
        first_known.has_to_address,
        first_known.effective_date,
        first_known.announcement_date,
        first_known.start_date,
        first_known.release_date,
        first_known.known_at as known_from,
        replaced.replaced_at as known_to
    from first_known
    left join replaced on first_known.announcement_id = replaced.announcement_id
    -- corrected before it was delivered at all: never believed
    where replaced.replaced_at is null or replaced.replaced_at > first_known.known_at

)

select * from final
