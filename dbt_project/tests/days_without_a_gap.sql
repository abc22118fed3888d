-- A gap in the calendar would make the running count of working days lie: years that are missing between others.
with

final as (

    select
        min(day) as first_day,
        max(day) as last_day,
        count(*) as day_count
    from {{ ref('dim_days') }}
    having count(*) <> max(day) - min(day) + 1

)

select * from final
