{{
    config(
        indexes=[
            {'columns': ['plan_code', 'indicator_code', 'component_code', 'area_code', 'basis', 'period_end'], 'unique': true},
        ],
    )
}}

with

stocks as (

    select * from {{ ref('int_indicator_stocks') }}

),

population as (

    select * from {{ ref('resident_population') }}

),

areas as (

    select * from {{ ref('area_codes') }}

),

indicators as (

    select
        plan_code,
        indicator_code,
        unit,
        closing_lag_days
    from {{ ref('plan_indicators') }}

),

h02 as (

    {{ measure('H02', 'count', of='H02') }}

),

b01 as (

    {{ measure('B01', 'count', of='B01') }}

),

b02 as (

    {{ measure('B02', 'growth', of='B01') }}

),

b04 as (

    {{ measure('B04', 'per_head', numerator='H02', per=10000) }}

),

b05 as (

    {{ measure('B05', 'rank', of='B01') }}

),

b11 as (

    {{ measure('B11', 'ratio', numerator='H02', denominator='B01', scale=100) }}

),

measured as (

    select * from h02
    union all
    select * from b01
    union all
    select * from b02
    union all
    select * from b04
    union all
    select * from b05
    union all
    select * from b11

),

final as (

    select
        measured.plan_code,
        measured.indicator_code,
        measured.component_code,
        measured.area_code,
        measured.basis,
        indicators.unit,
        concat(
            '未含法律状态（终止、放弃、无效等），按授权公告与法定期限计算。',
            case when measured.component_code = 'excluding_zones' then '不含由其他区管理的功能区。' end,
            measured.basis_zh
        ) as note_zh,
        {{ release_id() }} as release_id,
        measured.value,
        measured.numerator,
        measured.denominator,
        measured.source_count,
        -- no legal status is loaded: every figure is an upper bound until then
        true as is_provisional,
        measured.period_end
    from measured
    inner join indicators
        on measured.plan_code = indicators.plan_code and measured.indicator_code = indicators.indicator_code

)

select * from final
