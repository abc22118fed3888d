-- The month-ends that can be reported: from the base of the 13th five-year period to the last month that is over and
-- that the source has covered. A stock is never carried past the end of its feed.
with

loads as (

    select * from {{ source('ops', 'loads') }}

),

horizons as (

    select
        source_id,
        max(known_at) as last_known_at
    from loads
    where state = 'accepted'
    group by source_id

),

bounded as (

    select
        source_id,
        last_known_at,
        {{ as_of_date() }} as as_of_date,
        -- the last gazette of a month comes up to a week before its end
        least(last_known_at + {{ var('feed_gap_days', 10) }}, {{ as_of_date() }}) as covered_to
    from horizons

),

final as (

    select
        bounded.source_id,
        {{ month_end('first_day') }} as period_end,
        bounded.last_known_at,
        bounded.as_of_date
    from bounded
    cross join lateral generate_series(
        '2015-12-01'::date, date_trunc('month', bounded.covered_to + 1) - interval '1 month', interval '1 month'
    ) as months (first_day)

)

select * from final
