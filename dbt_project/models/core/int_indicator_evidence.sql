{{ config(post_hook='analyze {{ this }}') }}

-- What each stock counts, as intervals on both clocks; records with the same days are counted together.
with

h02 as (

    {{ measure('H02', 'stock', records=ref('int_patent_rights'), condition="records.patent_type = 'invention'") }}

),

b01 as (

    {{ measure('B01', 'stock', records=ref('int_patent_rights'), condition="records.patent_type is not null") }}

),

final as (

    select * from h02
    union all
    select * from b01

)

select * from final
