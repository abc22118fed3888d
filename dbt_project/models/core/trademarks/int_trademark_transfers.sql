{{
    config(
        indexes=[{'columns': ['trademark_id']}],
        post_hook='analyze {{ this }}',
    )
}}

-- Which mark each announced transfer moves. One that names no class moves all classes of its number. The same transfer
-- announced in several documents or under several ids is one. A transfer of a mark without any record moves nothing here.
with

transfers as (

    select
        *,
        regexp_replace(registration_number, '^G', '') as trademark_number,
        -- a number with a letter is an international one
        case when registration_number ~ '[A-Z]' then 'international' else 'national' end as origin
    from {{ ref('fct_trademark_transfers') }}

),

marks as (

    select distinct
        trademark_id,
        trademark_number,
        origin,
        nice_class,
        mark_id
    from {{ ref('int_trademarks_identified') }}
    where trademark_id is not null

),

-- by its number; by its id only where it has none
joined as (

    select
        marks.trademark_id,
        marks.nice_class as mark_class,
        transfers.*
    from transfers
    inner join marks
        on transfers.origin = marks.origin and transfers.trademark_number = marks.trademark_number
    union all
    select
        marks.trademark_id,
        marks.nice_class as mark_class,
        transfers.*
    from transfers
    inner join marks on transfers.mark_id = marks.mark_id
    where transfers.registration_number is null

),

final as (

    select distinct on (trademark_id, effective_date, first_transferor_key, first_transferee_key)
        trademark_id,
        record_version_id,
        first_transferor_key,
        first_transferee_key,
        transferee_address_text,
        gazette_issue,
        is_natural_person_transferor,
        is_natural_person_transferee,
        sequence_no,
        effective_date,
        known_at
    from joined
    where nice_class is null or mark_class is null or nice_class = mark_class
    order by trademark_id, effective_date, first_transferor_key, first_transferee_key, known_at, record_version_id

)

select * from final
