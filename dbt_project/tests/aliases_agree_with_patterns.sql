-- An alias of a street or zone that the patterns of attribution read otherwise, or not at all: rows that are wrong.
with

aliases as (

    select * from {{ ref('area_aliases') }}

),

patterns as (

    select * from {{ ref('area_patterns') }}
    where kind in ('street', 'park', 'zone_of_other')

),

areas as (

    select * from {{ ref('area_codes') }}

),

read as (

    select distinct on (aliases.alias_zh)
        aliases.alias_zh,
        aliases.area_code,
        patterns.area_code as read_as
    from aliases
    left join patterns
        on
            case
                -- as it stands in an address, after the district
                when patterns.match_type = 'regex' then '东丽区' || aliases.alias_zh ~ patterns.pattern
                else aliases.alias_zh ~ patterns.pattern -- plain spellings parted by bars
            end
    order by aliases.alias_zh asc, patterns.priority asc

),

final as (

    select read.* from read
    left join areas on read.alias_zh = areas.name_zh
    where
        read.read_as is distinct from read.area_code
        or areas.area_code <> read.area_code

)

select * from final
