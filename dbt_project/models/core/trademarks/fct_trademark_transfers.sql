{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[
            {'columns': ['record_version_id', 'known_at'], 'unique': true},
            {'columns': ['registration_number']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only. Announced transfers of marks (package 134); one stands here again only when a delivery turns up that shows
-- it was known earlier.
with

transfers as (

    select distinct on (record_version_id) *
    from {{ ref('stg_cnipa_trademarks__transfers') }}
    order by record_version_id, known_at

),

final as (

    select
        record_version_id,
        record_id,
        mark_id,
        registration_number,
        first_transferor_key,
        first_transferee_key,
        transferee_address_text,
        gazette_issue,
        gazette_page,
        layout,
        source_file_name,
        load_id,
        row_no,
        nice_class,
        sequence_no,
        is_natural_person_transferor,
        is_natural_person_transferee,
        is_masked,
        announcement_date,
        -- the new owner holds the mark from the day of the announcement on
        coalesce(announcement_date, known_at) as effective_date,
        known_at
    from transfers
    {% if is_incremental() %}
        where not exists (
                select 1
                from {{ this }} as kept
                where
                    kept.record_version_id = transfers.record_version_id
                    and kept.known_at <= transfers.known_at
            )
    {% endif %}

)

select * from final
