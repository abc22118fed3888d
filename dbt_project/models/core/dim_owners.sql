{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        on_schema_change='fail',
        indexes=[{'columns': ['owner_key'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- Append-only: who is named as owner, or as a party of an event. Organisations by their name, natural persons by a salted
-- key and a masked name.
with

lists as (

    select
        owner_list,
        known_at
    from {{ ref('stg_cnipa_patents__publications') }}
    union all
    select
        coalesce(from_list, '[]'::jsonb) || coalesce(to_list, '[]'::jsonb) as owner_list,
        known_at
    from {{ ref('stg_cnipa_legal_status__events') }}
    union all
    select
        owner_list,
        known_at
    from {{ ref('stg_cnipa_trademarks__marks') }}
    union all
    select
        owner_list,
        known_at
    from {{ ref('stg_cnipa_trademarks__madrid_marks') }}
    union all
    select
        owner_list,
        known_at
    from {{ ref('stg_cnipa_trademarks__well_known_marks') }}
    union all
    select
        coalesce(transferor_list, '[]'::jsonb) || coalesce(transferee_list, '[]'::jsonb) as owner_list,
        known_at
    from {{ ref('stg_cnipa_trademarks__transfers') }}
    union all
    select
        coalesce(licensor_list, '[]'::jsonb) || coalesce(licensee_list, '[]'::jsonb) as owner_list,
        known_at
    from {{ ref('stg_cnipa_trademarks__licences') }}

),

listed as (

    select
        owner.entry ->> 'owner_key' as owner_key,
        owner.entry ->> 'owner_name_shown' as owner_name_shown,
        (owner.entry ->> 'is_natural_person')::boolean as is_natural_person,
        lists.known_at
    from lists
    cross join lateral jsonb_array_elements(lists.owner_list) as owner (entry)

),

final as (

    select
        listed.owner_key,
        min(listed.owner_name_shown) as owner_name_shown,
        bool_or(listed.is_natural_person) as is_natural_person,
        min(listed.known_at) as first_known_at
    from listed
    {% if is_incremental() %}
        where not exists (
                select 1 from {{ this }} as kept
                where kept.owner_key = listed.owner_key
            )
    {% endif %}
    group by listed.owner_key

)

select * from final
