with

codes as (

    select * from {{ ref('area_codes') }}

),

final as (

    select
        area_code,
        parent_area_code,
        name_zh,
        short_name_zh,
        name_en,
        level,
        grid_row,
        grid_column,
        is_zone_of_other
    from codes

)

select * from final
