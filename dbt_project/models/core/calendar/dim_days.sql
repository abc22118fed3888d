{{
    config(
        indexes=[{'columns': ['day'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- Every day of the years whose arrangement of holidays is known, and of no other year: what is not known is not guessed.
with

special_days as (

    select * from {{ ref('special_days') }}

),

years as (

    select distinct extract(year from day)::integer as year from special_days

),

days as (

    select
        (make_date(years.year, 1, 1) + numbers.n) as day,
        years.year
    from years
    cross join generate_series(0, 365) as numbers (n)
    where extract(year from make_date(years.year, 1, 1) + numbers.n) = years.year

),

judged as (

    select
        days.day,
        days.year,
        special_days.holiday_name_zh,
        special_days.holiday_name_en,
        coalesce(special_days.is_working_day, extract(isodow from days.day) < 6) as is_working_day
    from days
    left join special_days on days.day = special_days.day

),

final as (

    select
        day,
        case when not is_working_day then holiday_name_zh end as holiday_name_zh,
        case when not is_working_day then holiday_name_en end as holiday_name_en,
        year,
        (count(*) filter (where is_working_day) over (order by day))::integer as working_day_no,
        is_working_day,
        -- a Saturday or Sunday that is worked in exchange for a holiday
        is_working_day and extract(isodow from day) > 5 as is_make_up_day
    from judged

)

select * from final
