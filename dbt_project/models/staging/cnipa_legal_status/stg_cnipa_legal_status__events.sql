{{
    config(
        materialized='table',
        indexes=[{'columns': ['application_number', 'event_type']}],
        post_hook='analyze {{ this }}',
    )
}}

with

received as (

    select * from {{ source('raw', 'cnipa_legal_status__events') }}

),

loads as (

    select * from {{ source('ops', 'loads') }}

),

accepted as (

    select
        received.*,
        coalesce(
            received.application_number, received.application_number_display, received.application_number_received
        ) as patent_key,
        coalesce(received.prs_code, received.prs_name) as announced_as
    from received
    inner join loads on received._load_id = loads.load_id
    where loads.state = 'accepted'

),

-- one announcement is one, under whatever id and however often it was delivered: same patent, code, day and text
identified as (

    select
        accepted.*,
        left(
            encode(
                sha256(
                    convert_to(
                        concat_ws(
                            chr(31),
                            -- without a number nothing but its id tells one record from another
                            coalesce(accepted.patent_key, accepted.record_id),
                            coalesce(accepted.announced_as, ''),
                            coalesce(accepted.announcement_date::text, ''),
                            coalesce({{ normal_text('accepted.information_received') }}, '')
                        ),
                        'UTF8'
                    )
                ),
                'hex'
            ),
            32
        ) as announcement_id
    from accepted

),

dated as (

    select
        identified.*,
        min(identified._known_at) over (partition by identified.announcement_id) as first_known_at
    from identified

),

-- what could not be typed gives way to a later delivery that could
first_seen as (

    select distinct on (dated.announcement_id, dated.event_no)
        dated.*,
        {{ normal_text('dated.from_address') }} as from_address_clean,
        {{ normal_text('dated.to_address') }} as to_address_clean
    from dated
    order by
        dated.announcement_id,
        dated.event_no,
        dated.event_type = 'untyped',
        dated._known_at,
        dated._load_id,
        dated._row_no

),

parties_listed as (

    select
        first_seen.announcement_id,
        first_seen.event_no,
        listed.side,
        party.party_no,
        party.party_name
    from first_seen
    cross join lateral (values ('from', first_seen.from_names), ('to', first_seen.to_names)) as listed (side, names)
    cross join lateral jsonb_array_elements_text(
        case when jsonb_typeof(listed.names) = 'array' then listed.names else '[]'::jsonb end
    ) with ordinality as party (party_name, party_no)

),

{{ names_keyed_ctes('parties_listed', 'party_name') }},

parties as (

    select
        parties_listed.announcement_id,
        parties_listed.event_no,
        parties_listed.side,
        jsonb_agg(
            jsonb_build_object(
                'owner_key', names_keyed.owner_key,
                'owner_name_shown', names_keyed.owner_name_shown,
                'is_natural_person', names_keyed.is_natural_person
            )
            order by parties_listed.party_no
        ) as party_list
    from parties_listed
    inner join names_keyed on parties_listed.party_name = names_keyed.received_name
    group by parties_listed.announcement_id, parties_listed.event_no, parties_listed.side

),

typed as (

    select
        first_seen.*,
        from_parties.party_list as from_list,
        to_parties.party_list as to_list,
        -- whose address it is may be unknown: then it is kept as a person's
        coalesce((from_parties.party_list -> 0 ->> 'is_natural_person')::boolean, true) as is_from_person,
        coalesce((to_parties.party_list -> 0 ->> 'is_natural_person')::boolean, true) as is_to_person,
        {{ without_post_code('first_seen.from_address_clean') }} as from_address_normal,
        {{ without_post_code('first_seen.to_address_clean') }} as to_address_normal
    from first_seen
    left join parties as from_parties
        on
            first_seen.announcement_id = from_parties.announcement_id
            and first_seen.event_no = from_parties.event_no
            and from_parties.side = 'from'
    left join parties as to_parties
        on
            first_seen.announcement_id = to_parties.announcement_id
            and first_seen.event_no = to_parties.event_no
            and to_parties.side = 'to'

),

final as (

    select
        announcement_id || '-' || event_no as legal_event_id,
        announcement_id,
        event_no,
        record_id,
        application_number,
        application_number_display,
        application_number_status,
        patent_type,
        prs_code,
        prs_name,
        event_type,
        contract_number,
        licence_kind,
        change_item,
        group_no,
        from_list,
        to_list,
        from_list -> 0 ->> 'owner_key' as first_from_key,
        to_list -> 0 ->> 'owner_key' as first_to_key,
        from_list -> 0 ->> 'owner_name_shown' as first_from_name_shown,
        to_list -> 0 ->> 'owner_name_shown' as first_to_name_shown,
        -- of a person's address only what places it: nothing from the first number on
        case
            when is_from_person then nullif(regexp_replace(from_address_normal, '[0-9].*$', ''), '')
            else from_address_normal
        end as from_address,
        case
            when is_to_person then nullif(regexp_replace(to_address_normal, '[0-9].*$', ''), '')
            else to_address_normal
        end as to_address,
        substring(from_address_clean from '^(?:中国)?([0-9]{6})') as from_post_code,
        substring(to_address_clean from '^(?:中国)?([0-9]{6})') as to_post_code,
        status_indicator,
        coalesce(record_status, 'C') as record_status,
        untyped_reason,
        quality_flags,
        _layout as layout,
        source_file_name,
        _load_id as load_id,
        _row_no as row_no,
        is_unchanged,
        coalesce(record_status = 'R', false) as is_correction,
        filing_date,
        effective_date,
        announcement_date,
        start_date,
        release_date,
        first_known_at as known_at
    from typed

)

select * from final
