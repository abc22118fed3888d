-- Straight line (least squares) through the last observations, base included, extended to the target's day, with the
-- 95 % interval of a single new value. All in numeric: the built-in regression functions are binary floats.
with

inputs as (
    select * from {{ ref('int_progress_inputs') }}
    where target_rule = 'at_least' and value_date < target_on and not is_too_early
),

observations as (
    select * from {{ ref('int_progress_observations') }}
),

settings as (
    select * from {{ ref('int_progress_settings') }}
),

quantiles as (
    select * from {{ ref('projection_quantiles') }}
),

points as (
    select
        inputs.subject_id,
        observations.value as y,
        {{ whole_months('inputs.base_on', 'observations.period_end') }}::numeric as x,
        observations.period_end
    from inputs
    inner join observations
        on
            inputs.series_id = observations.series_id
            and inputs.base_on < observations.period_end
            and inputs.value_date >= observations.period_end

    union all

    select
        subject_id,
        base_value as y,
        0::numeric as x,
        base_on as period_end
    from inputs
    where base_value is not null
),

numbered as (
    select
        points.*,
        row_number() over (partition by points.subject_id order by points.period_end desc) as place
    from points
),

sums as (
    select
        inputs.subject_id,
        inputs.total_months::numeric as target_x,
        settings.projection_min_observations,
        count(*)::numeric as n,
        sum(numbered.x) as sx,
        sum(numbered.y) as sy,
        sum(numbered.x * numbered.x) - sum(numbered.x) * sum(numbered.x) / count(*) as sxx,
        sum(numbered.x * numbered.y) - sum(numbered.x) * sum(numbered.y) / count(*) as sxy,
        sum(numbered.y * numbered.y) - sum(numbered.y) * sum(numbered.y) / count(*) as syy
    from inputs
    inner join settings on inputs.evaluated_on = settings.evaluated_on
    inner join numbered
        on
            inputs.subject_id = numbered.subject_id
            and settings.projection_observations >= numbered.place
    group by inputs.subject_id, inputs.total_months, settings.projection_min_observations
),

fitted as (
    select
        subject_id,
        n,
        sy / n + sxy / sxx * (target_x - sx / n) as projected_value,
        -- rounding may leave a hair below zero under the root
        sqrt(
            greatest(syy - sxy * sxy / sxx, 0) / (n - 2) * (1 + 1 / n + (target_x - sx / n) * (target_x - sx / n) / sxx)
        ) as standard_error
    from sums
    -- one point, or all in one month, has no slope; two have no error
    where n >= greatest(projection_min_observations, 3) and sxx > 0
),

final as (
    select
        fitted.subject_id,
        round(fitted.projected_value, 6) as projected_value,
        round(fitted.projected_value - quantiles.t_value * fitted.standard_error, 6) as projected_low,
        round(fitted.projected_value + quantiles.t_value * fitted.standard_error, 6) as projected_high
    from fitted
    left join quantiles on fitted.n - 2 = quantiles.degrees_of_freedom
)

select * from final
