{{
    config(
        materialized='table',
        indexes=[{'columns': ['record_version_id', 'known_at'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

with

received as (

    select * from {{ source('raw', 'cnipa_trademarks__licences') }}

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

{{ party_ctes(['licensor', 'licensee']) }},

sided as (

    select
        deliveries.*,
        licensors.party_list as licensor_list,
        licensors.first_key as first_licensor_key,
        licensors.is_first_person as is_licensor_person,
        licensees.party_list as licensee_list,
        licensees.first_key as first_licensee_key,
        licensees.is_first_person as is_licensee_person
    from deliveries
    left join parties as licensors on deliveries._row_hash = licensors._row_hash and licensors.side = 'licensor'
    left join parties as licensees on deliveries._row_hash = licensees._row_hash and licensees.side = 'licensee'

),

final as (

    select
        _row_hash as record_version_id,
        record_id,
        mark_id,
        registration_number,
        nice_class_received,
        record_number,
        gazette_issue,
        gazette_page,
        notice_type,
        licensed_goods,
        term_received,
        licensor_list,
        first_licensor_key,
        {{ address_shown(normal_text('licensor_address_text'), 'is_licensor_person') }} as licensor_address_text,
        licensee_list,
        first_licensee_key,
        {{ address_shown(normal_text('licensee_address_text'), 'is_licensee_person') }} as licensee_address_text,
        _layout as layout,
        source_file_name,
        _load_id as load_id,
        _row_no as row_no,
        nice_class,
        sequence_no,
        coalesce(is_licensor_person, false) as is_natural_person_licensor,
        coalesce(is_licensee_person, false) as is_natural_person_licensee,
        is_masked,
        is_licence_unlimited,
        licence_from,
        licence_to,
        announcement_date,
        _known_at as known_at
    from sided

)

select * from final
