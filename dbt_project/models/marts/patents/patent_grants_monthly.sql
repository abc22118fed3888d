-- Grants by month, type and district as known now; months without a grant between two others are zero, not missing.
with

states as (

    select * from {{ ref('int_patent_states') }}
    where known_to is null and is_granted

),

areas as (

    select * from {{ ref('area_codes') }}
    where level in ('district', 'city')

),

periods as (

    select period_end from {{ ref('int_reporting_periods') }}
    where source_id = 'cnipa_patents'

),

monthly as (

    select
        placed.area_code,
        states.patent_type,
        count(*)::integer as grant_count,
        {{ month_end('states.grant_date') }} as period_end
    from states
    cross join
        lateral (
            values
            (case when states.area_code <> '1201' then states.area_code end),
            (case when states.area_code is not null then '1201' end)
        ) as placed (area_code)
    where placed.area_code is not null and states.patent_type is not null
    group by placed.area_code, states.patent_type, {{ month_end('states.grant_date') }}

),

series as (

    select
        area_code,
        patent_type,
        min(period_end) as first_period
    from monthly
    group by area_code, patent_type

),

final as (

    select
        series.area_code,
        areas.name_zh as area_name_zh,
        series.patent_type,
        case series.patent_type
            when 'invention' then '发明'
            when 'utility_model' then '实用新型'
            when 'design' then '外观设计'
        end as patent_type_zh,
        {{ release_id() }} as release_id,
        coalesce(monthly.grant_count, 0) as grant_count,
        true as is_provisional,
        periods.period_end
    from series
    inner join areas on series.area_code = areas.area_code
    inner join periods on series.first_period <= periods.period_end
    left join monthly
        on
            series.area_code = monthly.area_code
            and series.patent_type = monthly.patent_type
            and periods.period_end = monthly.period_end

)

select * from final
