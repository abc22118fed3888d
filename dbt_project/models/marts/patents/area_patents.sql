-- Map and tile grid: one row a district, street and zone on the last month-end that can be reported.
with

areas as (

    select * from {{ ref('area_codes') }}

),

boundaries as (

    select * from {{ ref('district_boundaries') }}

),

stocks as (

    select * from {{ ref('int_indicator_stocks') }}
    where basis = 'latest' and component_code = 'total'

),

states as (

    select * from {{ ref('int_patent_states') }}
    where known_to is null and is_granted

),

last_period as (

    select max(period_end) as period_end from {{ ref('int_reporting_periods') }}
    where source_id = 'cnipa_patents'

),

grants_in_year as (

    select
        placed.area_code,
        count(*)::integer as grant_count
    from states
    inner join last_period
        on states.grant_date between date_trunc('year', last_period.period_end)::date and last_period.period_end
    cross join
        lateral (
            values
            (states.area_code),
            (case when states.area_code = '120110' then states.street_code end),
            (case when states.area_code = '120110' then states.zone_code end)
        ) as placed (area_code)
    where placed.area_code is not null
    group by placed.area_code

),

-- no row of a series yet means nothing counted: unknown, shown as empty and not as zero
counted as (

    select
        areas.area_code,
        areas.parent_area_code,
        areas.name_zh,
        areas.short_name_zh,
        areas.level,
        areas.grid_row,
        areas.grid_column,
        areas.is_zone_of_other,
        all_kinds.value::integer as patents_in_force,
        coalesce(inventions.value, case when all_kinds.value is not null then 0 end)::integer as inventions_in_force,
        coalesce(grants_in_year.grant_count, case when all_kinds.value is not null then 0 end) as grants_in_year,
        last_period.period_end
    from areas
    cross join last_period
    left join stocks as all_kinds
        on
            areas.area_code = all_kinds.area_code
            and last_period.period_end = all_kinds.period_end
            and all_kinds.indicator_code = 'B01'
    left join stocks as inventions
        on
            areas.area_code = inventions.area_code
            and last_period.period_end = inventions.period_end
            and inventions.indicator_code = 'H02'
    left join grants_in_year on areas.area_code = grants_in_year.area_code
    where areas.level <> 'city' and last_period.period_end is not null

),

-- five classes of equal size; districts among districts, streets and zones among each other
ranked as (

    select
        area_code,
        level = 'district' as is_district,
        patents_in_force,
        ntile(5) over (partition by level = 'district' order by patents_in_force, area_code) as tile_no
    from counted
    where patents_in_force is not null

),

-- equal figures may not fall into two classes
classes as (

    select
        area_code,
        is_district,
        patents_in_force,
        min(tile_no) over (partition by is_district, patents_in_force) as class_no
    from ranked

),

class_bounds as (

    select
        is_district,
        class_no,
        min(patents_in_force) as lowest,
        max(patents_in_force) as highest
    from classes
    group by is_district, class_no

),

final as (

    select
        counted.area_code,
        counted.parent_area_code,
        counted.name_zh,
        counted.short_name_zh,
        counted.level,
        case
            when class_bounds.class_no is null then '无数据'
            when class_bounds.lowest = class_bounds.highest then class_bounds.class_no || '档：' || class_bounds.lowest || '件'
            else class_bounds.class_no || '档：' || class_bounds.lowest || '至' || class_bounds.highest || '件'
        end as class_label_zh,
        case class_bounds.class_no
            when 1 then '#deebf7'
            when 2 then '#b3cde3'
            when 3 then '#7aaed1'
            when 4 then '#3d84b8'
            when 5 then '#134f88'
            else '#e3e3e3'
        end as fill,
        (boundaries.boundary_geojson::jsonb -> 'geometry')::text as boundary_geojson,
        {{ release_id() }} as release_id,
        counted.patents_in_force,
        counted.inventions_in_force,
        counted.grants_in_year,
        class_bounds.class_no,
        counted.grid_row,
        counted.grid_column,
        counted.is_zone_of_other,
        true as is_provisional,
        counted.period_end
    from counted
    left join classes on counted.area_code = classes.area_code
    left join class_bounds on classes.is_district = class_bounds.is_district and classes.class_no = class_bounds.class_no
    left join boundaries on counted.area_code = boundaries.area_code

)

select * from final
