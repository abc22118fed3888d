{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[
            {'columns': ['record_version_id', 'known_at'], 'unique': true},
            {'columns': ['trademark_number', 'nice_class']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only. What each delivery showed of each record of a mark, national (package 132) and international (136). The
-- same content shown again by a later delivery stands here again: a state may come back.
with

marks as (

    select
        record_version_id,
        record_id,
        mark_id,
        registration_number,
        application_number,
        case when {{ is_international_number('registration_number') }} then 'international' else 'national' end as origin,
        nice_class_received,
        name,
        mark_type,
        mark_kind,
        state,
        state_received,
        notice_status_received,
        first_owner_key,
        address_text,
        province,
        city,
        county,
        post_code,
        layout,
        source_file_name,
        load_id,
        row_no,
        nice_class,
        owner_count,
        is_natural_person_owner,
        is_masked,
        is_state_contradicted,
        is_right_unlimited,
        application_date,
        null::date as international_registration_date,
        registration_date,
        right_from,
        right_to,
        priority_date,
        known_at
    from {{ ref('stg_cnipa_trademarks__marks') }}

),

madrid_marks as (

    select
        record_version_id,
        record_id,
        mark_id,
        registration_number,
        null::text as application_number,
        'international' as origin,
        nice_class_received,
        name,
        mark_type,
        mark_kind,
        state,
        state_received,
        notice_status_received,
        first_owner_key,
        address_text,
        province,
        city,
        county,
        post_code,
        layout,
        source_file_name,
        load_id,
        row_no,
        nice_class,
        owner_count,
        is_natural_person_owner,
        is_masked,
        is_state_contradicted,
        is_right_unlimited,
        null::date as application_date,
        international_registration_date,
        registration_date,
        right_from,
        right_to,
        priority_date,
        known_at
    from {{ ref('stg_cnipa_trademarks__madrid_marks') }}

),

records as (

    select * from marks
    union all
    select * from madrid_marks

),

final as (

    select
        record_version_id,
        record_id,
        mark_id,
        -- what a mark is counted by, whatever its ids: G1234567 of package 132 is 1234567 of package 136
        case
            when origin = 'international' then coalesce(regexp_replace(registration_number, '^G', ''), mark_id)
            else coalesce(registration_number, application_number, mark_id)
        end as trademark_number,
        registration_number,
        application_number,
        origin,
        nice_class_received,
        name,
        mark_type,
        mark_kind,
        state,
        state_received,
        notice_status_received,
        first_owner_key,
        address_text,
        province,
        city,
        county,
        post_code,
        layout,
        source_file_name,
        load_id,
        row_no,
        nice_class,
        owner_count,
        is_natural_person_owner,
        is_masked,
        is_state_contradicted,
        is_right_unlimited,
        application_date,
        international_registration_date,
        registration_date,
        right_from,
        right_to,
        priority_date,
        known_at
    from records
    {% if is_incremental() %}
        where not exists (
                select 1
                from {{ this }} as kept
                where
                    kept.record_version_id = records.record_version_id
                    and kept.known_at = records.known_at
            )
    {% endif %}

)

select * from final
