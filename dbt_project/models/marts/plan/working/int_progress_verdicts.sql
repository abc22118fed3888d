-- Inputs to verdict, rule by rule; the arithmetic stands in macros/verdicts.
with

inputs as (
    select * from {{ ref('int_progress_inputs') }}
),

settings as (
    select * from {{ ref('int_progress_settings') }}
),

years as (
    select * from {{ ref('int_progress_years') }}
),

milestones as (
    select * from {{ ref('int_progress_milestones') }}
),

-- at_least: the two methods -------------------------------------------------------------------------------------------
targeted as (
    select
        inputs.*,
        settings.pace_ahead_cut,
        settings.pace_on_schedule_cut,
        settings.pace_slightly_behind_cut,
        settings.growth_on_track_cut,
        settings.growth_needs_acceleration_cut,
        settings.growth_limited_cut,
        {{ pace_obstacle(
            'inputs.latest_value', 'inputs.base_value', 'inputs.target_value', 'inputs.direction_sign',
            'inputs.is_too_early', 'inputs.lost_on is not null'
        ) }} as pace_reason,
        {{ growth_obstacle('inputs.latest_value', 'inputs.base_value', 'inputs.target_value', 'inputs.is_too_early') }}
            as growth_reason
    from inputs
    left join settings on inputs.evaluated_on = settings.evaluated_on
    where inputs.target_rule = 'at_least'
),

rated as materialized (
    select
        *,
        case
            when growth_reason is null then {{ compound_annual_rate('latest_value', 'base_value', 'months') }}
        end as growth_rate,
        case
            when growth_reason is null then {{ compound_annual_rate('target_value', 'base_value', 'total_months') }}
        end as required_growth_rate
    from targeted
),

compared as materialized (
    select
        *,
        {{ growth_ratio('growth_rate', 'required_growth_rate', 'direction_sign') }} as growth_ratio
    from rated
),

by_two_methods as (
    select
        subject_id,
        case
            when pace_reason is not null then 'not_assessable'
            else {{ pace_status(
                'latest_value', 'base_value', 'target_value', 'direction_sign', 'months', 'total_months', 'lost_on is not null'
            ) }}
        end as pace_status,
        case
            when growth_reason is not null then 'not_assessable'
            else {{ growth_status('growth_ratio') }}
        end as growth_status,
        pace_reason as reason,
        growth_reason,
        {{ completion_share('latest_value', 'base_value', 'target_value', 'direction_sign') }} as completion_share,
        {{ pace_ratio('latest_value', 'base_value', 'target_value', 'direction_sign', 'months', 'total_months') }} as pace_ratio,
        latest_value / nullif(target_value, 0) as plain_rate,
        growth_rate,
        required_growth_rate,
        growth_ratio,
        case
            when value_date >= target_on then null
            when {{ meets_target('latest_value', 'target_value', 'direction_sign') }} then 0
            else (target_value - latest_value) * 12 / (total_months - months)
        end as yearly_amount_needed
    from compared
),

-- rules that look at each year ----------------------------------------------------------------------------------------
year_counts as (
    select
        inputs.subject_id,
        inputs.target_rule,
        inputs.base_value,
        inputs.latest_value,
        inputs.is_too_early,
        inputs.value_date,
        count(*) filter (where years.is_closed) as closed_years,
        count(*) filter (where years.is_closed and years.value is null) as missing_years,
        count(*) filter (where years.state = 'gap') as gap_years,
        count(*) filter (where years.state = 'not_met') as not_met_years,
        count(*) filter (where years.state = 'not_falling') as not_falling_years,
        -- for an indicator that should fall the worst year is the one that grew
        min(
            inputs.direction_sign * case years.state when 'growing' then 1 when 'flat' then 0 when 'falling' then -1 end
        ) * max(inputs.direction_sign) as worst_sign,
        (array_agg(years.state order by years.year desc) filter (where years.year is not null))[1] as last_state,
        (array_agg(years.value order by years.year desc) filter (where years.is_closed))[1] as last_closed_value,
        max(years.year_end) filter (where years.is_closed) as last_closed_on,
        coalesce(bool_or(years.is_provisional), false) as is_year_provisional
    from inputs
    left join years on inputs.subject_id = years.subject_id
    where inputs.target_rule in ('keep_growing', 'at_least_every_year', 'fall_to_zero')
    group by
        inputs.subject_id,
        inputs.target_rule,
        inputs.base_value,
        inputs.latest_value,
        inputs.is_too_early,
        inputs.value_date
),

year_reasons as (
    select
        *,
        case
            when latest_value is null and is_too_early then 'too_early'
            when latest_value is null then 'no_observation_after_base'
            when target_rule = 'at_least_every_year' and not_met_years = 0 and gap_years > 0 then 'gap'
            when target_rule = 'at_least_every_year' then null
            when is_too_early or closed_years = 0 then 'too_early'
            when base_value is null and (target_rule = 'keep_growing' or last_closed_value is distinct from 0) then 'no_base'
            when missing_years > 0 then 'gap'
        end as reason
    from year_counts
),

by_years as (
    select
        subject_id,
        reason,
        is_year_provisional,
        case
            when reason is not null then 'not_assessable'
            when target_rule = 'keep_growing'
                then case worst_sign when 1 then 'growing' when 0 then 'flat' else 'falling' end
            when target_rule = 'at_least_every_year' then case when not_met_years > 0 then 'not_met' else last_state end
            -- paid again in the running year, after a year of zero
            when last_closed_value = 0 and value_date > last_closed_on and latest_value > 0 then 'not_falling'
            when last_closed_value = 0 then 'reached'
            when not_falling_years = 0 then 'falling'
            else 'not_falling'
        end as verdict,
        case
            when target_rule = 'keep_growing' and reason is null and base_value > 0 and last_closed_value >= 0
                then {{ compound_annual_rate('last_closed_value', 'base_value', '(12 * closed_years)') }}
        end as growth_rate
    from year_reasons
),

-- sub-tasks, and what is only watched ---------------------------------------------------------------------------------
by_milestones as (
    select
        subject_id,
        {{ milestone_status('subtask_count', 'accepted_count', 'overdue_count') }} as verdict,
        subtask_count,
        accepted_count,
        overdue_count,
        round(accepted_count::numeric / subtask_count, 12) as accepted_share,
        last_accepted_on
    from milestones
),

by_monitoring as (
    select
        subject_id,
        case
            when is_too_early then 'too_early'
            when latest_value is null then 'no_observation_after_base'
        end as reason
    from inputs
    where target_rule = 'monitor'
),

-- together ------------------------------------------------------------------------------------------------------------
judged as (
    select
        inputs.*,
        by_two_methods.pace_status,
        by_two_methods.growth_status,
        by_two_methods.growth_reason,
        by_two_methods.pace_ratio,
        by_two_methods.plain_rate,
        by_two_methods.required_growth_rate,
        by_two_methods.growth_ratio,
        by_two_methods.yearly_amount_needed,
        by_milestones.subtask_count,
        by_milestones.accepted_count,
        by_milestones.overdue_count,
        case inputs.target_rule
            when 'at_least' then by_two_methods.pace_status
            when 'reach_milestone' then coalesce(by_milestones.verdict, 'not_assessable')
            when 'monitor' then case when by_monitoring.reason is not null then 'not_assessable' end
            else by_years.verdict
        end as verdict_on_value,
        case inputs.target_rule
            when 'at_least' then by_two_methods.reason
            when 'reach_milestone' then case when by_milestones.verdict is null then 'no_subtasks' end
            when 'monitor' then by_monitoring.reason
            else by_years.reason
        end as reason,
        coalesce(by_two_methods.growth_rate, by_years.growth_rate) as growth_rate,
        case
            when inputs.target_rule = 'reach_milestone' then by_milestones.accepted_share
            else by_two_methods.completion_share
        end as completion_share,
        -- a milestone needs no value: its sub-tasks are read on the day itself
        coalesce(inputs.target_rule <> 'reach_milestone' and inputs.is_stale, false) as is_out_of_date,
        case inputs.target_rule
            when 'reach_milestone' then false
            when 'monitor' then inputs.is_value_provisional
            else inputs.is_value_provisional or inputs.is_base_provisional or coalesce(by_years.is_year_provisional, false)
        end as is_provisional,
        by_milestones.last_accepted_on
    from inputs
    left join by_two_methods on inputs.subject_id = by_two_methods.subject_id
    left join by_years on inputs.subject_id = by_years.subject_id
    left join by_milestones on inputs.subject_id = by_milestones.subject_id
    left join by_monitoring on inputs.subject_id = by_monitoring.subject_id
),

final as (
    select
        subject_id,
        plan_code,
        indicator_code,
        component_code,
        area_code,
        basis,
        target_rule,
        pace_status,
        growth_status,
        case when is_out_of_date then 'stale' else verdict_on_value end as verdict,
        verdict_on_value as last_verdict,
        reason,
        growth_reason,
        base_source,
        base_value,
        case when target_rule = 'reach_milestone' then completion_share else latest_value end as latest_value,
        target_value,
        later_value,
        round(
            case
                when target_rule = 'reach_milestone'
                    then {{ elapsed_share(whole_months('base_on', 'evaluated_on'), 'total_months') }}
                when target_rule <> 'monitor' then {{ elapsed_share('months', 'total_months') }}
            end, 12
        ) as elapsed_share,
        round(completion_share, 12) as completion_share,
        round(pace_ratio, 12) as pace_ratio,
        round(plain_rate, 12) as plain_rate,
        round(growth_rate, 12) as growth_rate,
        round(required_growth_rate, 12) as required_growth_rate,
        growth_ratio,
        round(yearly_amount_needed, 12) as yearly_amount_needed,
        change_on_period,
        change_on_year,
        missing_periods,
        subtask_count,
        accepted_count,
        overdue_count,
        {{ methods_disagree('pace_status', 'growth_status') }} as methods_disagree,
        is_provisional,
        is_out_of_date as is_stale,
        is_of_record,
        base_on,
        asked_on,
        evaluated_on,
        case when target_rule = 'reach_milestone' then evaluated_on else value_date end as value_date,
        later_value_date,
        case
            when target_rule = 'reach_milestone' and verdict_on_value = 'reached' then last_accepted_on
            when pace_status in ('reached', 'lost') then reached_on
        end as reached_on,
        case when pace_status = 'lost' then lost_on end as lost_on
    from judged
)

select * from final
