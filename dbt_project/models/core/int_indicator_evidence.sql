{{ config(post_hook='analyze {{ this }}') }}

-- What each stock counts, as intervals on both clocks; records with the same days are counted together.
with

h02 as (

    {{
        measure(
            'H02', 'stock', records=ref('int_patent_rights'), source='cnipa_patents',
            condition="records.patent_type = 'invention'"
        )
    }}

),

b01 as (

    {{
        measure(
            'B01', 'stock', records=ref('int_patent_rights'), source='cnipa_patents',
            condition="records.patent_type is not null"
        )
    }}

),

h03 as (

    {{
        measure(
            'H03', 'stock', records=ref('int_trademark_rights'), source='cnipa_trademarks',
            condition="records.origin = 'national'"
        )
    }}

),

final as (

    select * from h02
    union all
    select * from b01
    union all
    select * from h03

)

select * from final
