{{
    config(
        indexes=[
            {'columns': ['trademark_id', 'known_from'], 'unique': true},
            {'columns': ['trademark_number']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- What was known of each mark (registration number and Nice class), from which day to which: the two clocks in one row.
-- The right runs from its first day ever shown to the last day shown so far: a record re-issued with the renewed period
-- alone does not erase the former one. No day is given for a cancellation: it counts from the delivery that shows it, and
-- not at all once a later delivery shows the right again. Who held the mark when is in int_trademark_owners.
with

records as (

    select * from {{ ref('int_trademarks_identified') }}
    where trademark_id is not null

),

-- a state begins on each day on which something was learnt
states_known as (

    select
        trademark_id,
        known_from,
        lead(known_from) over (partition by trademark_id order by known_from) as known_to
    from {{ ref('int_trademark_days') }}

),

known as (

    select
        states_known.known_from as state_from,
        records.*
    from states_known
    inner join records
        on
            states_known.trademark_id = records.trademark_id
            and states_known.known_from >= records.known_at

),

-- the best record: the latest, and of those of one day the one that knows a state, an ended one before a running one
best as (

    select distinct on (trademark_id, state_from) *
    from known
    order by
        trademark_id asc, state_from asc, known_at desc, state is null, {{ is_ended_state('state') }} desc,
        record_version_id asc

),

-- a record may be silent about what another one showed
shown as (

    select
        trademark_id,
        state_from,
        {{ latest_said('state') }} as state,
        max(known_at) filter (where not {{ is_ended_state('state') }}) as last_running_on,
        {{ latest_said('name') }} as name,
        {{ latest_said('mark_kind') }} as mark_kind,
        {{ latest_said('registration_number') }} as registration_number,
        {{ latest_said('application_number') }} as application_number,
        min(application_date) as application_date,
        min(international_registration_date) as international_registration_date,
        min(registration_date) as registration_date,
        min(right_from) as right_from,
        max(right_to) as right_to,
        max(right_to) filter (where not is_end_by_term) as right_to_shown,
        count(distinct mark_id) as mark_id_count
    from known
    group by trademark_id, state_from

),

-- since when the present, ended state has been shown without a break
ended as (

    select
        known.trademark_id,
        known.state_from,
        min(known.known_at) as ended_on
    from known
    inner join shown on known.trademark_id = shown.trademark_id and known.state_from = shown.state_from
    where
        {{ is_ended_state('shown.state') }}
        and {{ is_ended_state('known.state') }}
        and (shown.last_running_on is null or known.known_at >= shown.last_running_on)
    group by known.trademark_id, known.state_from

),

merged as (

    select
        shown.*,
        best.origin,
        best.trademark_number,
        best.class_status,
        best.nice_class,
        best.is_state_contradicted,
        coalesce(shown.right_to = 'infinity', false) as is_right_unlimited,
        ended.ended_on,
        states_known.known_from,
        states_known.known_to
    from states_known
    inner join shown on states_known.trademark_id = shown.trademark_id and states_known.known_from = shown.state_from
    inner join best on states_known.trademark_id = best.trademark_id and states_known.known_from = best.state_from
    left join ended on states_known.trademark_id = ended.trademark_id and states_known.known_from = ended.state_from

),

final as (

    select
        trademark_id,
        trademark_number,
        registration_number,
        application_number,
        origin,
        name,
        mark_kind,
        state,
        class_status,
        nice_class,
        mark_id_count,
        coalesce(state = 'partially_cancelled', false) as is_partially_cancelled,
        is_right_unlimited,
        right_to is not null and (right_to is distinct from right_to_shown) as is_end_by_term,
        (
            state is null
            or is_state_contradicted
            or class_status = 'missing'
            or (state = 'pending' and right_from is not null)
        ) as needs_review,
        application_date,
        international_registration_date,
        registration_date,
        right_from,
        nullif(right_to, 'infinity') as right_to,
        -- the six months in which it can still be renewed: right_to < day <= grace_to
        case
            when not is_right_unlimited
                then least(
                        (right_to + interval '6 months')::date,
                        case when {{ is_ended_state('state') }} and state <> 'expired' then ended_on - 1 end
                    )
        end as grace_to,
        ended_on,
        -- in force on a day: in_force_from <= day and (in_force_to is null or day < in_force_to)
        case when right_to >= right_from then right_from end as in_force_from,
        nullif(least(case when is_right_unlimited then 'infinity' else right_to + 1 end, ended_on), 'infinity') as in_force_to,
        known_from,
        known_to
    from merged

)

select * from final
