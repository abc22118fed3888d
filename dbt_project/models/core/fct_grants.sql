{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[
            {'columns': ['publication_version_id', 'known_at'], 'unique': true},
            {'columns': ['publication_number']},
        ],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only. The announcements that grant a right; which patent they belong to is decided in int_patent_states,
-- since a better number may arrive later.
with

publications as (

    select * from {{ ref('fct_publications') }}

),

final as (

    select
        publication_version_id,
        publication_number,
        kind_code,
        patent_type,
        application_number,
        first_owner_key,
        document_status,
        layout,
        load_id,
        is_natural_person_owner,
        grant_date,
        filing_date,
        known_at
    from publications
    where
        {{ is_grant_kind('kind_code') }}
        {% if is_incremental() %}
            and not exists (
                select 1
                from {{ this }} as kept
                where
                    kept.publication_version_id = publications.publication_version_id
                    and kept.known_at = publications.known_at
            )
        {% endif %}

)

select * from final
