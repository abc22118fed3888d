select null::text as event_version_id, null::text as record_id, null::text as application_number, null::text as patent_type,
null::text as event_type, null::text as prs_code, null::text as contract_number, null::text as licence_kind, null::text as from_owner_key,
null::text as to_owner_key, null::text as to_address_text, null::text as document_status, null::text as layout, null::bigint as load_id,
null::bigint as row_no, null::int as event_no, null::int as group_no, null::boolean as is_from_natural_person, null::boolean as is_to_natural_person,
null::date as effective_date, null::date as announcement_date, null::date as start_date, null::date as release_date, null::date as known_at where false
