{{
    config(
        indexes=[
            {'columns': ['patent_id', 'known_from', 'counted_from'], 'unique': true},
            {'columns': ['area_code']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Each granted patent in force from which day to (not including) which, at which place, as known between two days: the
-- three clocks of states, ends and holders in one. The state of any day as known on any day is a condition on its rows.
with

states as (

    select * from {{ ref('int_patent_states') }}
    where is_granted

),

ends as (

    select * from {{ ref('int_patent_ends') }}

),

holders as (

    select * from {{ ref('int_patent_holders') }}

),

eventful as (

    select patent_id from ends
    union
    select patent_id from holders

),

days_learnt as (

    select
        patent_id,
        known_from as day_learnt
    from ends
    union
    select
        patent_id,
        known_from as day_learnt
    from holders
    union
    select
        states.patent_id,
        states.known_from as day_learnt
    from states
    inner join eventful on states.patent_id = eventful.patent_id

),

knowledge as (

    select
        patent_id,
        day_learnt as known_from,
        lead(day_learnt) over (partition by patent_id order by day_learnt) as known_to
    from days_learnt

),

-- most patents have neither: their states are taken as they are
granted as (

    select
        states.*,
        states.known_from as believed_from,
        states.known_to as believed_to,
        false as is_eventful
    from states
    left join eventful on states.patent_id = eventful.patent_id
    where eventful.patent_id is null

    union all

    select
        states.*,
        knowledge.known_from as believed_from,
        knowledge.known_to as believed_to,
        true as is_eventful
    from knowledge
    inner join states
        on
            knowledge.patent_id = states.patent_id
            and knowledge.known_from >= states.known_from
            and (states.known_to is null or knowledge.known_from < states.known_to)

),

joined as (

    select
        granted.patent_id,
        granted.patent_type,
        granted.ipc_main,
        granted.filing_date,
        granted.grant_date,
        granted.expiry_date,
        granted.believed_from,
        granted.believed_to,
        coalesce(holders.owner_key, granted.first_owner_key) as owner_key,
        coalesce(holders.is_natural_person_owner, granted.is_natural_person_owner, false) as is_natural_person_owner,
        coalesce(holders.is_placed_by_event, false) as is_placed_by_event,
        holders.area_code as holder_area_code,
        holders.street_code as holder_street_code,
        holders.zone_code as holder_zone_code,
        holders.attribution_rule as holder_rule,
        holders.attribution_evidence as holder_evidence,
        holders.attribution_confidence as holder_confidence,
        holders.is_zone_of_other as holder_is_zone_of_other,
        holders.needs_review as holder_needs_review,
        granted.area_code,
        granted.street_code,
        granted.zone_code,
        granted.attribution_rule,
        granted.attribution_evidence,
        granted.attribution_confidence,
        granted.is_zone_of_other,
        granted.needs_review,
        ends.ended_by,
        ends.end_announcement_date,
        coalesce(ends.is_restored, false) as is_restored,
        coalesce(holders.held_from, granted.grant_date) as held_from,
        holders.held_to,
        ends.end_date,
        least(granted.expiry_date, ends.end_date) as right_to
    from granted
    left join ends
        on
            granted.is_eventful
            and granted.patent_id = ends.patent_id
            and granted.believed_from >= ends.known_from
            and (ends.known_to is null or granted.believed_from < ends.known_to)
    left join holders
        on
            granted.is_eventful
            and granted.patent_id = holders.patent_id
            and granted.believed_from >= holders.known_from
            and (holders.known_to is null or granted.believed_from < holders.known_to)

),

final as (

    select
        patent_id,
        owner_key,
        patent_type,
        ipc_main,
        case when is_placed_by_event then holder_area_code else area_code end as area_code,
        case when is_placed_by_event then holder_street_code else street_code end as street_code,
        case when is_placed_by_event then holder_zone_code else zone_code end as zone_code,
        case when is_placed_by_event then holder_rule else attribution_rule end as attribution_rule,
        case when is_placed_by_event then holder_evidence else attribution_evidence end as attribution_evidence,
        case when is_placed_by_event then holder_confidence else attribution_confidence end as attribution_confidence,
        -- what ended this row's stretch of force: an event, the term, or the next owner
        case
            when held_to is not null and (right_to is null or held_to < right_to) then 'transfer'
            when ended_by is not null and (expiry_date is null or end_date < expiry_date) then ended_by
            when right_to is not null then 'expiry'
        end as ended_by,
        is_natural_person_owner,
        case when is_placed_by_event then holder_is_zone_of_other else is_zone_of_other end as is_zone_of_other,
        case when is_placed_by_event then holder_needs_review else needs_review end as needs_review,
        is_restored,
        filing_date,
        grant_date,
        expiry_date,
        end_date,
        end_announcement_date,
        held_from as counted_from,
        least(right_to, held_to) as counted_to,
        believed_from as known_from,
        believed_to as known_to
    from joined
    where least(right_to, held_to) is null or held_from < least(right_to, held_to)

)

select * from final
