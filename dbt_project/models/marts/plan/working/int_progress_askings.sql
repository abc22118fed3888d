-- The days asked: every quarter-end after the base date up to today, and the last month-end.
with

plans as (
    select * from {{ ref('plans') }}
),

month_ends as (
    select
        plans.plan_code,
        counter.months,
        {{ shift_months('plans.base_date', 'counter.months') }} as asked_on
    from plans
    cross join lateral generate_series(1, greatest({{ whole_months('plans.base_date', as_of()) }}, 0)) as counter (months)
),

final as (
    select
        plan_code,
        asked_on
    from month_ends
    where
        asked_on <= {{ as_of() }}
        and (months % 3 = 0 or {{ shift_months('asked_on', 1) }} > {{ as_of() }})
)

select * from final
