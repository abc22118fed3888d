{{
    config(
        indexes=[{'columns': ['trademark_id', 'known_from'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- The days on which something was learnt of a mark, from its own records or from a transfer.
with

records as (

    select
        trademark_id,
        min(known_at) as first_known_at
    from {{ ref('int_trademarks_identified') }}
    where trademark_id is not null
    group by trademark_id

),

transfers as (

    select
        transfers.trademark_id,
        transfers.known_at as known_from
    from {{ ref('int_trademark_transfers') }} as transfers
    inner join records
        on transfers.trademark_id = records.trademark_id and transfers.known_at > records.first_known_at

),

final as (

    select
        trademark_id,
        known_at as known_from
    from {{ ref('int_trademarks_identified') }}
    where trademark_id is not null
    union
    select
        trademark_id,
        known_from
    from transfers

)

select * from final
