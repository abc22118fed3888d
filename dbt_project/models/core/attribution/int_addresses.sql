{{ config(materialized='view') }}

-- Every address that a record of any source has, each once.
with

publications as (

    select
        province,
        city,
        county,
        post_code,
        address_text
    from {{ ref('fct_publications') }}

),

patent_events as (

    select
        null::text as province,
        null::text as city,
        null::text as county,
        to_post_code as post_code,
        to_address_text as address_text
    from {{ ref('fct_patent_events') }}
    where has_to_address

),

trademark_owners as (

    select
        province,
        city,
        county,
        post_code,
        address_text
    from {{ ref('int_trademark_owners') }}
    where address_source <> 'none'

),

received as (

    select * from publications
    union
    select * from patent_events
    union
    select * from trademark_owners
    union
    -- where owners are is told by every record, also of marks that are counted nowhere
    select
        province,
        city,
        county,
        post_code,
        address_text
    from {{ ref('fct_trademark_records') }}

),

final as (

    select
        {{ address_key('received') }} as address_key,
        received.province,
        received.city,
        received.county,
        received.post_code,
        received.address_text
    from received

)

select * from final
