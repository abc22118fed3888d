{{ config(materialized='view') }}

-- Every address that a record of any source has, each once.
with

publications as (

    select * from {{ ref('fct_publications') }}

),

final as (

    select distinct
        {{ address_key('publications') }} as address_key,
        publications.province,
        publications.city,
        publications.county,
        publications.post_code,
        publications.address_text
    from publications

)

select * from final
