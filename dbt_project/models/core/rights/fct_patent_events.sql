{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[
            {'columns': ['event_version_id', 'known_at'], 'unique': true},
            {'columns': ['application_number']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only: what the register announced about patents, a row an event. A version is a distinct content; it stands
-- here again only when a delivery turns up that shows it was known earlier.
with

events as (

    select * from {{ ref('stg_cnipa_legal_status__events') }}

),

final as (

    select
        events.event_version_id,
        events.record_id,
        events.application_number,
        events.patent_type,
        events.event_type,
        events.prs_code,
        events.contract_number,
        events.licence_kind,
        events.from_owner_key,
        events.to_owner_key,
        {{ address_key('events', text='to_address_text') }} as to_address_key,
        events.to_address_text,
        events.document_status,
        events.layout,
        events.load_id,
        events.row_no,
        events.event_no,
        events.group_no,
        events.is_from_natural_person,
        events.is_to_natural_person,
        events.to_address_text is not null as has_to_address,
        events.effective_date,
        events.announcement_date,
        events.start_date,
        events.release_date,
        events.known_at
    from events
    {% if is_incremental() %}
        where not exists (
                select 1
                from {{ this }} as kept
                where
                    kept.event_version_id = events.event_version_id
                    and kept.known_at <= events.known_at
            )
    {% endif %}

)

select * from final
