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
        source_family,
        closing_lag_days
    from {{ ref('plan_indicators') }}

),

-- how far the announcements of lapses reach: they come months after the lapse took effect
legal_status as (

    select max(last_known_at) as covered_to from {{ ref('int_reporting_periods') }}
    where source_id = 'cnipa_legal_status'

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

h03 as (

    {{ measure('H03', 'count', of='H03') }}

),

b03 as (

    {{ measure('B03', 'growth', of='H03') }}

),

measured as (

    select * from h02
    union all
    select * from h03
    union all
    select * from b03
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

judged as (

    select
        measured.*,
        indicators.unit,
        measured.source_family = 'patent' and legal_status.covered_to is null as is_without_legal_status,
        measured.source_family = 'patent'
        and measured.period_end > legal_status.covered_to - interval '12 months' as is_within_announcement_lag
    from measured
    inner join indicators
        on measured.plan_code = indicators.plan_code and measured.indicator_code = indicators.indicator_code
    cross join legal_status

),

final as (

    select
        plan_code,
        indicator_code,
        component_code,
        area_code,
        basis,
        unit,
        nullif(
            concat(
                case when is_without_legal_status then '未含法律状态（终止、放弃、无效等），按授权公告与法定期限计算。' end,
                case when is_within_announcement_lag then '近十二个月的终止、放弃多数尚未公告，数值为暂定。' end,
                case when component_code = 'excluding_zones' then '不含由其他区管理的功能区。' end,
                basis_zh
            ),
            ''
        ) as note_zh,
        {{ release_id() }} as release_id,
        value,
        numerator,
        denominator,
        source_count,
        is_without_legal_status or coalesce(is_within_announcement_lag, false) as is_provisional,
        period_end
    from judged

)

select * from final
