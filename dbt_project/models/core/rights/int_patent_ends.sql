{{
    config(
        indexes=[{'columns': ['patent_id', 'known_from'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- How a right ended before its term, as known between two days: the earliest lapse, abandonment or full invalidation
-- that no restoration has undone. A lapse and an abandonment end it on the day printed, which is itself out; a full
-- invalidation counts from its announcement. A restoration is retroactive: from the day it is known on, the lapse
-- before it never was. An expiry ends a right only where the term cannot be computed, on its announcement.
with

events as (

    select * from {{ ref('int_patent_events_known') }}
    where event_type in ('lapse', 'abandonment', 'invalidation', 'expiry', 'restoration')

),

days_learnt as (

    select
        patent_id,
        known_from as day_learnt
    from events
    union
    select
        patent_id,
        known_to as day_learnt
    from events
    where known_to is not null

),

knowledge as (

    select
        patent_id,
        day_learnt as known_from,
        lead(day_learnt) over (partition by patent_id order by day_learnt) as known_to
    from days_learnt

),

believed as (

    select
        knowledge.known_from as believed_from,
        knowledge.known_to as believed_to,
        events.*
    from knowledge
    inner join events
        on
            knowledge.patent_id = events.patent_id
            and knowledge.known_from >= events.known_from
            and (events.known_to is null or knowledge.known_from < events.known_to)

),

restorations as (

    select
        patent_id,
        believed_from,
        max(announcement_date) as restored_on
    from believed
    where event_type = 'restoration'
    group by patent_id, believed_from

),

endings as (

    select
        believed.patent_id,
        believed.believed_from,
        believed.legal_event_id,
        believed.event_type,
        believed.announcement_date,
        case
            when believed.event_type in ('invalidation', 'expiry') then believed.announcement_date
            else coalesce(believed.effective_date, believed.announcement_date)
        end as end_date
    from believed
    left join restorations
        on
            believed.patent_id = restorations.patent_id
            and believed.believed_from = restorations.believed_from
    where
        believed.event_type <> 'restoration'
        -- only a lapse can be restored
        and not (
            believed.event_type = 'lapse'
            and restorations.restored_on is not null
            and restorations.restored_on >= believed.announcement_date
        )

),

first_endings as (

    select distinct on (patent_id, believed_from) *
    from endings
    order by patent_id, believed_from, end_date, legal_event_id

),

final as (

    select
        knowledge.patent_id,
        first_endings.legal_event_id,
        first_endings.event_type as ended_by,
        restorations.restored_on is not null as is_restored,
        first_endings.end_date,
        first_endings.announcement_date as end_announcement_date,
        knowledge.known_from,
        knowledge.known_to
    from knowledge
    left join first_endings
        on
            knowledge.patent_id = first_endings.patent_id
            and knowledge.known_from = first_endings.believed_from
    left join restorations
        on
            knowledge.patent_id = restorations.patent_id
            and knowledge.known_from = restorations.believed_from

)

select * from final
