{{
    config(
        materialized='table',
        indexes=[{'columns': ['publication_version_id', 'known_at']}],
        post_hook='analyze {{ this }}',
    )
}}

with

received as (

    select * from {{ source('raw', 'cnipa_patents__publications') }}

),

loads as (

    select * from {{ source('ops', 'loads') }}

),

-- one content is one version, however often and in whatever packing it was delivered; it was known when first seen
first_seen as (

    select distinct on (received._row_hash) received.*
    from received
    inner join loads on received._load_id = loads.load_id
    where loads.state = 'accepted'
    order by received._row_hash, received._known_at, received._load_id, received._row_no

),

owners_listed as (

    select
        first_seen._row_hash,
        owner.owner_no,
        {{ normal_text('owner.owner_name') }} as owner_name
    from first_seen
    cross join lateral jsonb_array_elements_text(
        case
            when jsonb_typeof(first_seen.owner_names) = 'array' and first_seen.owner_names <> '[]'::jsonb
                then first_seen.owner_names
            else jsonb_build_array(first_seen.first_owner_name)
        end
    ) with ordinality as owner (owner_name, owner_no)

),

-- the same names come again and again: judged and hashed once
distinct_names as (

    select distinct owner_name from owners_listed where owner_name is not null

),

names_judged as (

    select
        owner_name,
        {{ is_natural_person('owner_name') }} as is_natural_person
    from distinct_names

),

names_keyed as (

    select
        owner_name,
        case
            when is_natural_person then {{ person_key('owner_name') }}
            else {{ organisation_key('owner_name') }}
        end as owner_key,
        case when is_natural_person then {{ masked_name('owner_name') }} else owner_name end as owner_name_shown,
        is_natural_person
    from names_judged

),

owners as (

    select
        owners_listed._row_hash,
        jsonb_agg(
            jsonb_build_object(
                'owner_key', names_keyed.owner_key,
                'owner_name_shown', names_keyed.owner_name_shown,
                'is_natural_person', names_keyed.is_natural_person
            )
            order by owners_listed.owner_no
        ) as owner_list,
        count(*) as owner_count
    from owners_listed
    inner join names_keyed on owners_listed.owner_name = names_keyed.owner_name
    group by owners_listed._row_hash

),

addresses_cleaned as (

    select
        *,
        {{ normal_text('address_text') }} as address_clean
    from first_seen

),

typed as (

    select
        addresses_cleaned._row_hash as publication_version_id,
        addresses_cleaned.publication_number,
        addresses_cleaned.kind_code,
        addresses_cleaned.patent_type,
        addresses_cleaned.application_number,
        addresses_cleaned.application_number_display,
        addresses_cleaned.application_number_status,
        addresses_cleaned.title,
        addresses_cleaned.ipc_main,
        addresses_cleaned.ipc_codes,
        addresses_cleaned.locarno_code,
        owners.owner_list,
        owners.owner_list -> 0 ->> 'owner_key' as first_owner_key,
        coalesce((owners.owner_list -> 0 ->> 'is_natural_person')::boolean, false) as is_natural_person_owner,
        {{ without_post_code('addresses_cleaned.address_clean') }} as address_normal,
        {{ normal_text('addresses_cleaned.province') }} as province,
        {{ normal_text('addresses_cleaned.city') }} as city,
        {{ normal_text('addresses_cleaned.county') }} as county,
        coalesce(
            {{ normal_text('addresses_cleaned.post_code') }},
            substring(addresses_cleaned.address_clean from '^(?:中国)?([0-9]{6})')
        ) as post_code,
        addresses_cleaned.organization_code,
        addresses_cleaned.agency_name,
        coalesce(addresses_cleaned.document_status, 'C') as document_status,
        addresses_cleaned._layout as layout,
        addresses_cleaned.source_file_name,
        addresses_cleaned._load_id as load_id,
        addresses_cleaned._row_no as row_no,
        coalesce(owners.owner_count, 0)::integer as owner_count,
        addresses_cleaned.inventor_count,
        coalesce(addresses_cleaned.publication_date, addresses_cleaned.announcement_date) as publication_date,
        case
            when {{ is_grant_kind('addresses_cleaned.kind_code') }}
                then coalesce(addresses_cleaned.announcement_date, addresses_cleaned.publication_date)
        end as grant_date,
        addresses_cleaned.filing_date,
        addresses_cleaned._known_at as known_at
    from addresses_cleaned
    left join owners on addresses_cleaned._row_hash = owners._row_hash

),

final as (

    select
        publication_version_id,
        publication_number,
        kind_code,
        patent_type,
        application_number,
        application_number_display,
        application_number_status,
        title,
        ipc_main,
        ipc_codes,
        locarno_code,
        owner_list,
        first_owner_key,
        -- of a person's address only what places it: nothing from the first number on
        case
            when is_natural_person_owner then nullif(regexp_replace(address_normal, '[0-9].*$', ''), '')
            else address_normal
        end as address_text,
        province,
        city,
        county,
        post_code,
        case when not is_natural_person_owner then organization_code end as organization_code,
        agency_name,
        document_status,
        layout,
        source_file_name,
        load_id,
        row_no,
        owner_count,
        inventor_count,
        is_natural_person_owner,
        publication_date,
        grant_date,
        filing_date,
        known_at
    from typed

)

select * from final
