{#- Common table expressions that read a raw table of the trademark packages: `deliveries`, one row a content and
    delivery of accepted loads, and `first_seen`, one row a content. -#}
{% macro delivery_ctes(table) -%}
received as (

    select * from {{ source('raw', table) }}

),

loads as (

    select * from {{ source('ops', 'loads') }}

),

-- one content of one delivery: a state that comes back (restored after a cancellation) is shown again
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

)
{%- endmacro %}

{#- Common table expressions that key and mask the parties of `first_seen`: for each side `<side>_names` (JSON array) one
    row of `parties` with its list in order. The keys are those of the patents' owners, so that one name is one owner
    everywhere. A name that the source masked is no name: two masked alike are not one owner, so it gets no key. -#}
{% macro party_ctes(sides) -%}
parties_listed as (

    {% for side in sides %}
    select
        first_seen._row_hash,
        '{{ side }}' as side,
        party.party_no,
        party.party_name
    from first_seen
    cross join lateral jsonb_array_elements_text(
        case when jsonb_typeof(first_seen.{{ side }}_names) = 'array' then first_seen.{{ side }}_names else '[]'::jsonb end
    ) with ordinality as party (party_name, party_no)
    where party.party_name !~ '[*＊]'
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

{{ names_keyed_ctes('parties_listed', 'party_name') }},

parties as (

    select
        parties_listed._row_hash,
        parties_listed.side,
        jsonb_agg(
            jsonb_build_object(
                'owner_key', names_keyed.owner_key,
                'owner_name_shown', names_keyed.owner_name_shown,
                'is_natural_person', names_keyed.is_natural_person
            )
            order by parties_listed.party_no
        ) as party_list,
        (array_agg(names_keyed.owner_key order by parties_listed.party_no))[1] as first_key,
        (array_agg(names_keyed.is_natural_person order by parties_listed.party_no))[1] as is_first_person
    from parties_listed
    inner join names_keyed on parties_listed.party_name = names_keyed.received_name
    group by parties_listed._row_hash, parties_listed.side

)
{%- endmacro %}

{#- Of a person's address only what places it: nothing from the first number on. Who is masked may be a person. -#}
{% macro address_shown(address, is_person) -%}
case
    when coalesce({{ is_person }}, true)
        then nullif(regexp_replace({{ without_post_code(address) }}, '[0-9].*$', ''), '')
    else {{ without_post_code(address) }}
end
{%- endmacro %}
