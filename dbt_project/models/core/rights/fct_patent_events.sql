{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[
            {'columns': ['legal_event_id', 'event_type', 'known_at'], 'unique': true},
            {'columns': ['patent_id']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only: what the register announced about patents, a row an event; the same event again only when a delivery
-- turns up that shows it was known earlier, or one that tells what could not be typed before.
with

events as (

    select
        staged.*,
        coalesce(staged.prs_code, staged.prs_name) as announced_as,
        null::text as province,
        null::text as city,
        null::text as county,
        staged.to_post_code as post_code,
        staged.to_address as address_text
    from {{ ref('stg_cnipa_legal_status__events') }} as staged

),

final as (

    select
        events.legal_event_id,
        events.announcement_id,
        events.record_id,
        -- old and international numbers have no standard form: the printed one is theirs
        coalesce(events.application_number, events.application_number_display) as patent_id,
        events.application_number,
        events.patent_type,
        events.announced_as,
        events.event_type,
        events.contract_number,
        events.licence_kind,
        events.first_from_key as from_owner_key,
        events.first_to_key as to_owner_key,
        {{ address_key('events') }} as to_address_key,
        events.post_code as to_post_code,
        events.address_text as to_address_text,
        events.layout,
        events.load_id,
        events.row_no,
        events.event_no,
        events.group_no,
        coalesce((events.from_list -> 0 ->> 'is_natural_person')::boolean, false) as is_from_natural_person,
        coalesce((events.to_list -> 0 ->> 'is_natural_person')::boolean, false) as is_to_natural_person,
        events.is_correction,
        events.address_text is not null as has_to_address,
        events.filing_date,
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
                    kept.legal_event_id = events.legal_event_id
                    and kept.known_at <= events.known_at
                    and (kept.event_type <> 'untyped' or events.event_type = 'untyped')
            )
    {% endif %}

)

select * from final
