{{
    config(
        indexes=[{'columns': ['owner_key', 'known_from'], 'unique': true}],
        post_hook='analyze {{ this }}',
    )
}}

-- Where an organisation is, as its own records tell: the address of its latest record known on a day. It places what
-- comes to the organisation by a record without an address. Persons are never placed by other records.
with

publications as (

    select
        publications.first_owner_key as owner_key,
        {{ address_key('publications') }} as address_key,
        publications.publication_date as said_on,
        publications.known_at
    from {{ ref('fct_publications') }} as publications
    where
        publications.first_owner_key is not null
        and not publications.is_natural_person_owner
        and (publications.address_text is not null or publications.county is not null)

),

-- a record of a mark shows where its owner is on the day of the delivery
trademark_records as (

    select
        records.first_owner_key as owner_key,
        {{ address_key('records') }} as address_key,
        records.known_at as said_on,
        records.known_at
    from {{ ref('fct_trademark_records') }} as records
    where
        records.first_owner_key is not null
        and not records.is_natural_person_owner
        and (records.address_text is not null or records.county is not null)

),

told as (

    select * from publications
    union all
    select * from trademark_records

),

-- of what one day taught, the latest record
daily as (

    select distinct on (owner_key, known_at)
        owner_key,
        address_key,
        said_on,
        known_at
    from told
    order by owner_key asc, known_at asc, said_on desc, address_key asc

),

-- an old record that comes late says nothing new
newer as (

    select
        *,
        max(said_on) over (
            partition by owner_key order by known_at
            rows between unbounded preceding and 1 preceding
        ) as said_before,
        lag(address_key) over (partition by owner_key order by known_at) as address_before
    from daily

),

final as (

    select
        owner_key,
        address_key,
        said_on,
        known_at as known_from,
        lead(known_at) over (partition by owner_key order by known_at) as known_to
    from newer
    where
        said_before is null
        or (said_on >= said_before and address_key <> address_before)

)

select * from final
