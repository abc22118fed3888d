-- The inputs of each verdict: base, latest value and its day, the values before it, what is missing, what was reached.
with

subjects as (
    select * from {{ ref('int_progress_subjects') }}
),

observations as (
    select * from {{ ref('int_progress_observations') }}
),

-- the plan's own base, else the warehouse's value at the base date; never a value of another day
based as (
    select
        subjects.*,
        case
            when subjects.plan_base_value is not null then 'plan'
            when observations.value is not null then 'warehouse'
        end as base_source,
        coalesce(subjects.plan_base_value, observations.value) as base_value,
        subjects.plan_base_value is null and coalesce(observations.is_provisional, false) as is_base_provisional
    from subjects
    left join observations
        on
            subjects.series_id = observations.series_id
            and subjects.base_on = observations.period_end
),

-- values after the plan's last day are shown as later and change nothing
dated as (
    select
        based.subject_id,
        max(observations.period_end) filter (where observations.period_end <= based.evaluated_on) as value_date,
        max(observations.period_end) filter (where observations.period_end > based.evaluated_on) as later_value_date
    from based
    inner join observations
        on
            based.series_id = observations.series_id
            and based.base_on < observations.period_end
            and based.asked_on >= observations.period_end
    group by based.subject_id
),

valued as (
    select
        based.*,
        latest.value as latest_value,
        later.value as later_value,
        previous.value as previous_value,
        year_before.value as year_before_value,
        {{ whole_months('based.base_on', 'dated.value_date') }} as months,
        coalesce(latest.is_provisional, false) as is_value_provisional,
        dated.value_date,
        dated.later_value_date
    from based
    left join dated
        on based.subject_id = dated.subject_id
    left join observations as latest
        on
            based.series_id = latest.series_id
            and dated.value_date = latest.period_end
    left join observations as later
        on
            based.series_id = later.series_id
            and dated.later_value_date = later.period_end
    left join observations as previous
        on
            based.series_id = previous.series_id
            and {{ shift_months('dated.value_date', '-based.period_months') }} = previous.period_end
    left join observations as year_before
        on
            based.series_id = year_before.series_id
            and {{ shift_months('dated.value_date', '-12') }} = year_before.period_end
),

-- every value of an indicator with a target, the base among them: does it meet the target?
marks as (
    select
        valued.subject_id,
        observations.period_end as marked_on,
        {{ meets_target('observations.value', 'valued.target_value', 'valued.direction_sign') }} as is_met,
        {{ meets_target('observations.value', 'valued.target_value', 'valued.direction_sign') }} as can_be_lost
    from valued
    inner join observations
        on
            valued.series_id = observations.series_id
            and valued.base_on < observations.period_end
            and valued.evaluated_on >= observations.period_end
    where valued.target_rule = 'at_least'

    union all

    -- a base exactly on the target was never reached, so it cannot be lost
    select
        subject_id,
        base_on as marked_on,
        {{ meets_target('base_value', 'target_value', 'direction_sign') }} as is_met,
        {{ is_past_target('base_value', 'target_value', 'direction_sign') }} as can_be_lost
    from valued
    where target_rule = 'at_least' and base_value is not null
),

-- the last spell of values that met the target: its first day, and the day on which it ended
spell_ends as (
    select
        subject_id,
        max(marked_on) filter (where can_be_lost) as last_reached_on,
        max(marked_on) filter (where is_met) as last_met_on
    from marks
    group by subject_id
),

spell_starts as (
    select
        marks.subject_id,
        spell_ends.last_met_on,
        spell_ends.last_reached_on,
        max(marks.marked_on) filter (
            where not marks.is_met and marks.marked_on < spell_ends.last_met_on
        ) as last_unmet_before,
        min(marks.marked_on) filter (
            where not marks.is_met and marks.marked_on > spell_ends.last_met_on
        ) as first_unmet_after
    from marks
    inner join spell_ends
        on marks.subject_id = spell_ends.subject_id
    group by
        marks.subject_id,
        spell_ends.last_met_on,
        spell_ends.last_reached_on
),

spells as (
    select
        spell_starts.subject_id,
        min(marks.marked_on) as reached_on,
        min(spell_starts.first_unmet_after) as lost_on
    from spell_starts
    inner join marks
        on
            spell_starts.subject_id = marks.subject_id
            and spell_starts.last_met_on >= marks.marked_on
            and coalesce(spell_starts.last_unmet_before, '-infinity'::date) < marks.marked_on
    -- still met, or met in a way that can be lost
    where spell_starts.first_unmet_after is null or spell_starts.last_reached_on is not null
    group by spell_starts.subject_id
),

-- periods between base and latest value that have no value: shown as a gap, never filled
present as (
    select
        valued.subject_id,
        count(*) as periods_present
    from valued
    inner join observations
        on
            valued.series_id = observations.series_id
            and valued.base_on < observations.period_end
            and valued.value_date >= observations.period_end
    where
        {{ is_month_end('observations.period_end') }}
        and {{ whole_months('valued.base_on', 'observations.period_end') }} % valued.period_months = 0
    group by valued.subject_id
),

final as (
    select
        valued.subject_id,
        valued.series_id,
        valued.plan_code,
        valued.indicator_code,
        valued.component_code,
        valued.area_code,
        valued.basis,
        valued.target_rule,
        valued.base_source,
        valued.direction_sign,
        valued.period_months,
        valued.closing_lag_days,
        valued.total_months,
        valued.months,
        coalesce(valued.months / valued.period_months, 0) - coalesce(present.periods_present, 0)::integer as missing_periods,
        valued.base_value,
        valued.latest_value,
        valued.target_value,
        valued.later_value,
        valued.latest_value - valued.previous_value as change_on_period,
        valued.latest_value - valued.year_before_value as change_on_year,
        valued.evaluated_on < valued.first_period_end or coalesce(valued.months <= 0, false) as is_too_early,
        {{ is_stale('valued.value_date', 'valued.period_months', 'valued.closing_lag_days', 'valued.evaluated_on') }} as is_stale,
        valued.is_of_record,
        valued.is_value_provisional,
        valued.is_base_provisional,
        valued.base_on,
        valued.first_period_end,
        valued.target_on,
        valued.asked_on,
        valued.evaluated_on,
        valued.value_date,
        valued.later_value_date,
        spells.reached_on,
        spells.lost_on
    from valued
    left join spells
        on valued.subject_id = spells.subject_id
    left join present
        on valued.subject_id = present.subject_id
)

select * from final
