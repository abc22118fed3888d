-- The newest accepted table as a whole: a table replaces the one before, rows of two are never mixed.
with

received as (

    select * from {{ source('raw', 'reference__sei_rules') }}

),

loads as (

    select * from {{ source('ops', 'loads') }}

),

newest as (

    select
        loads.load_id,
        loads.is_synthetic
    from loads
    where
        loads.source_id = 'reference'
        and loads.table_name = 'reference__sei_rules'
        and loads.state = 'accepted'
    order by loads.known_at desc, loads.load_id desc
    limit 1

),

final as (

    select
        received.industry_no,
        received.industry_name,
        received.pattern,
        received.keyword,
        received.source_file_name,
        received._place as place,
        received._load_id as load_id,
        received.industry_page,
        received.rule_no,
        received.is_exclusion,
        newest.is_synthetic,
        received._known_at as known_at
    from received
    inner join newest on received._load_id = newest.load_id

)

select * from final
