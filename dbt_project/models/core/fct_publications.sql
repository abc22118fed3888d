{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[
            {'columns': ['publication_version_id', 'known_at'], 'unique': true},
            {'columns': ['publication_number']},
            {'columns': ['application_number']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only. A version is a distinct content of one publication number; it stands here again only when a delivery
-- turns up that shows it was known earlier.
with

publications as (

    select * from {{ ref('stg_cnipa_patents__publications') }}

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
        first_owner_key,
        address_text,
        province,
        city,
        county,
        post_code,
        organization_code,
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
    from publications
    {% if is_incremental() %}
        where not exists (
                select 1
                from {{ this }} as kept
                where
                    kept.publication_version_id = publications.publication_version_id
                    and kept.known_at <= publications.known_at
            )
    {% endif %}

)

select * from final
