-- Sub-tasks of each milestone on the day of the verdict, as known at closing or now.
with

inputs as (
    select * from {{ ref('int_progress_inputs') }}
    where target_rule = 'reach_milestone'
),

milestones as (
    select * from {{ ref('milestones') }}
),

marked as (
    select
        inputs.subject_id,
        inputs.evaluated_on,
        milestones.due_date,
        milestones.accepted_date,
        {{ is_subtask_accepted('milestones.accepted_date', 'milestones.document_number', 'inputs.evaluated_on') }}
        and (
            inputs.basis = 'latest'
            or coalesce(milestones.known_at, milestones.accepted_date) <= inputs.evaluated_on + inputs.closing_lag_days
        ) as is_accepted
    from inputs
    inner join milestones
        on
            inputs.plan_code = milestones.plan_code
            and inputs.indicator_code = milestones.indicator_code
),

final as (
    select
        subject_id,
        count(*)::integer as subtask_count,
        (count(*) filter (where is_accepted))::integer as accepted_count,
        (count(*) filter (where {{ is_subtask_overdue('due_date', 'is_accepted', 'evaluated_on') }}))::integer as overdue_count,
        max(accepted_date) filter (where is_accepted) as last_accepted_on
    from marked
    group by subject_id
)

select * from final
