{{
    config(
        materialized='table',
        indexes=[{'columns': ['record_version_id', 'known_at'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with

received as (

    select * from {{ source('raw', 'cnipa_trademarks__transfers') }}

),

loads as (

    select * from {{ source('ops', 'loads') }}

),

-- one content of one delivery
deliveries as (

    select distinct on (received._row_hash, received._known_at) received.*
    from received
    inner join loads on received._load_id = loads.load_id
    where loads.state = 'accepted'
    order by received._row_hash, received._known_at, received._load_id, received._row_no

),

first_seen as (

    select distinct on (_row_hash) *
    from deliveries
    order by _row_hash, _known_at

),

{{ party_ctes(['transferor', 'transferee']) }},

sided as (

    select
        deliveries.*,
        transferors.party_list as transferor_list,
        transferors.first_key as first_transferor_key,
        transferors.is_first_person as is_transferor_person,
        transferees.party_list as transferee_list,
        transferees.first_key as first_transferee_key,
        transferees.is_first_person as is_transferee_person
    from deliveries
    left join parties as transferors on deliveries._row_hash = transferors._row_hash and transferors.side = 'transferor'
    left join parties as transferees on deliveries._row_hash = transferees._row_hash and transferees.side = 'transferee'

),

final as (

    select
        _row_hash as record_version_id,
        record_id,
        mark_id,
        registration_number,
        nice_class_received,
        gazette_issue,
        gazette_page,
        transferor_list,
        first_transferor_key,
        {{ address_shown(normal_text('transferor_address_text'), 'is_transferor_person') }} as transferor_address_text,
        transferee_list,
        first_transferee_key,
        {{ address_shown(normal_text('transferee_address_text'), 'is_transferee_person') }} as transferee_address_text,
        _layout as layout,
        source_file_name,
        _load_id as load_id,
        _row_no as row_no,
        nice_class,
        sequence_no,
        coalesce(is_transferor_person, false) as is_natural_person_transferor,
        coalesce(is_transferee_person, false) as is_natural_person_transferee,
        is_masked,
        announcement_date,
        _known_at as known_at
    from sided

)

select * from final
