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

    select distinct on (received._row_hash)
        received.*,
        {{ normal_text('received.address_text') }} as address_clean
    from received
    inner join loads on received._load_id = loads.load_id
    where loads.state = 'accepted'
    order by received._row_hash, received._known_at, received._load_id, received._row_no

),

owners_listed as (

    select
        first_seen._row_hash,
        owner.owner_no,
        owner.owner_name
    from first_seen
    cross join lateral jsonb_array_elements_text(
        case
            when jsonb_typeof(first_seen.owner_names) = 'array' and first_seen.owner_names <> '[]'::jsonb
                then first_seen.owner_names
            else jsonb_build_array(first_seen.first_owner_name)
        end
    ) with ordinality as owner (owner_name, owner_no)

),

{{ names_keyed_ctes('owners_listed', 'owner_name') }},

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
    inner join names_keyed on owners_listed.owner_name = names_keyed.received_name
    group by owners_listed._row_hash

),

typed as (

    select
        first_seen._row_hash as publication_version_id,
        first_seen.publication_number,
        first_seen.kind_code,
        first_seen.patent_type,
        first_seen.application_number,
        first_seen.application_number_display,
        first_seen.application_number_status,
        first_seen.title,
        first_seen.ipc_main,
        first_seen.ipc_codes,
        first_seen.locarno_code,
        owners.owner_list,
        owners.owner_list -> 0 ->> 'owner_key' as first_owner_key,
        coalesce((owners.owner_list -> 0 ->> 'is_natural_person')::boolean, false) as is_natural_person_owner,
        {{ without_post_code('first_seen.address_clean') }} as address_normal,
        nullif(btrim(first_seen.province), '') as province,
        nullif(btrim(first_seen.city), '') as city,
        nullif(btrim(first_seen.county), '') as county,
        coalesce(
            nullif(btrim(first_seen.post_code), ''),
            substring(first_seen.address_clean from '^(?:中国)?([0-9]{6})')
        ) as post_code,
        first_seen.organization_code,
        first_seen.agency_name,
        coalesce(first_seen.document_status, 'C') as document_status,
        first_seen._layout as layout,
        first_seen.source_file_name,
        first_seen._load_id as load_id,
        first_seen._row_no as row_no,
        coalesce(owners.owner_count, 0)::integer as owner_count,
        first_seen.inventor_count,
        coalesce(first_seen.publication_date, first_seen.announcement_date) as publication_date,
        case
            when {{ is_grant_kind('first_seen.kind_code') }}
                then coalesce(first_seen.announcement_date, first_seen.publication_date)
        end as grant_date,
        first_seen.filing_date,
        first_seen._known_at as known_at,
        first_seen.agent_count,
        first_seen.priority_count,
        first_seen.priority_numbers,
        first_seen.family_numbers,
        first_seen.pct_application_number,
        first_seen.pct_publication_number,
        coalesce(
            first_seen.application_number_status = 'pct' or first_seen.pct_application_number is not null, false
        ) as is_pct_entry,
        first_seen.first_priority_date,
        first_seen.national_entry_date
    from first_seen
    left join owners on first_seen._row_hash = owners._row_hash

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
        known_at,
        agent_count,
        priority_count,
        priority_numbers,
        family_numbers,
        pct_application_number,
        pct_publication_number,
        is_pct_entry,
        first_priority_date,
        national_entry_date
    from typed

)

select * from final
