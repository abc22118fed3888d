-- The day of the build without its own arrangement of holidays: time to run `python -m warehouse.working_days`.
{{ config(severity='warn') }}

with

final as (

    select max(day) as last_day from {{ ref('dim_days') }}
    having max(day) < {{ as_of_date() }}

)

select * from final
