{{
    config(
        materialized='table',
        indexes=[{'columns': ['record_version_id', 'known_at'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with

{{ delivery_ctes('cnipa_trademarks__madrid_marks') }},

{{ party_ctes(['owner']) }},

owned as (

    select
        deliveries.*,
        parties.party_list as owner_list,
        parties.first_key as first_owner_key,
        coalesce(parties.is_first_person, false) as is_natural_person_owner,
        {{ normal_text('deliveries.owner_address_text') }} as address_clean,
        parties.is_first_person
    from deliveries
    left join parties on deliveries._row_hash = parties._row_hash

),

final as (

    select
        _row_hash as record_version_id,
        record_id,
        mark_id,
        registration_number,
        regexp_replace(registration_number, '^G', '') as international_registration_number,
        nice_class_received,
        name,
        mark_type,
        mark_kind,
        language,
        specified_colour,
        designations,
        state_received,
        notice_status_received,
        -- the state of the right itself, and only where it says nothing that of the last notice
        coalesce(state, notice_state) as state,
        owner_list,
        first_owner_key,
        {{ address_shown('address_clean', 'is_first_person') }} as address_text,
        nullif(btrim(province), '') as province,
        nullif(btrim(city), '') as city,
        nullif(btrim(county), '') as county,
        coalesce(nullif(btrim(post_code), ''), substring(address_clean from '^(?:中国)?([0-9]{6})')) as post_code,
        _layout as layout,
        source_file_name,
        _load_id as load_id,
        _row_no as row_no,
        nice_class,
        jsonb_array_length(coalesce(owner_list, '[]'::jsonb)) as owner_count,
        is_territorial_extension,
        -- told by the holder: one in China registered abroad from here; a number with G is otherwise an inbound one
        case
            when {{ is_in_china(without_post_code('address_clean')) }} or {{ is_in_china('province') }} then false
            when {{ is_international_number('registration_number') }} then true
        end as is_inbound,
        is_natural_person_owner,
        is_masked,
        coalesce(state <> notice_state, false) as is_state_contradicted,
        is_right_unlimited,
        international_registration_date,
        priority_date,
        registration_date,
        right_from,
        right_to,
        _known_at as known_at
    from owned

)

select * from final
