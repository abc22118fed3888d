{#-
  The one way to declare a measure. Kinds:
    stock   counts records from a first day (counted_from) on and up to, not including, a last day (counted_to); rows of
            evidence for int_indicator_evidence: measure(code, 'stock', records=ref(...), source=, condition=...); `source` is
            the source whose coverage bounds the periods
    count   a stock shown as it is: measure(code, 'count', of=)
    ratio   scale * numerator / denominator, both stocks: measure(code, 'ratio', numerator=, denominator=, scale=)
    per_head  a measure over the resident population of the period: measure(code, 'per_head', numerator=, per=)
    growth  compound yearly growth since the last year-end before the five-year period: measure(code, 'growth', of=)
    rank    rank of the plan's area among the 16 districts by a measure: measure(code, 'rank', of=)
  A stock is counted on both clocks; the others are computed from stocks of the same basis and of the closing lag of the
  indicator that shows them, never averaged, and say whose records they count (source_family of the stock). All kinds but
  stock read the CTEs stocks, indicators, population and areas.
-#}
{% macro measure(code, kind) -%}
{%- if kind == 'stock' -%}
{{ measure_stock(code, kwargs['records'], kwargs['source'], kwargs['condition']) }}
{%- elif kind == 'count' -%}
{{ measure_count(code, kwargs['of']) }}
{%- elif kind == 'ratio' -%}
{{ measure_ratio(code, kwargs['numerator'], kwargs['denominator'], kwargs['scale']) }}
{%- elif kind == 'per_head' -%}
{{ measure_per_head(code, kwargs['numerator'], kwargs['per']) }}
{%- elif kind == 'growth' -%}
{{ measure_growth(code, kwargs['of']) }}
{%- elif kind == 'rank' -%}
{{ measure_rank(code, kwargs['of']) }}
{%- else -%}
{{ exceptions.raise_compiler_error("measure " ~ code ~ ": unknown kind " ~ kind) }}
{%- endif -%}
{%- endmacro %}

{#- Evidence in intervals, records alike in all of them counted together. -#}
{% macro measure_stock(code, records, source, condition) -%}
select
    '{{ code }}' as indicator_code,
    '{{ source }}' as source_id,
    counted.component_code,
    counted.area_code,
    count(*)::integer as record_count,
    records.counted_from,
    records.counted_to,
    records.known_from,
    records.known_to
from {{ records }} as records
cross join lateral (
    values
    ('total', records.area_code, true),
    ('total', '1201', records.area_code <> '1201'),
    -- streets and zones part the district's own figure
    ('total', records.street_code, records.area_code = '120110'),
    ('total', records.zone_code, records.area_code = '120110'),
    ('excluding_zones', records.area_code, records.area_code = '120110' and not records.is_zone_of_other)
) as counted (component_code, area_code, is_counted)
where
    counted.is_counted
    and counted.area_code is not null
    and records.area_code is not null
    and records.counted_from is not null
    and ({{ condition }})
group by
    counted.component_code, counted.area_code, records.counted_from, records.counted_to, records.known_from, records.known_to
{%- endmacro %}

{#- The stock of one indicator under the lag of another: what `latest` shows, and what the books of `code` closed on. -#}
{% macro stock_for(code, of) -%}
select
    shown.plan_code,
    shown.indicator_code,
    stocks.component_code,
    stocks.area_code,
    stocks.basis,
    stocks.value,
    stocks.source_count,
    counted.source_family,
    stocks.period_end
from indicators as shown
inner join indicators as counted on shown.plan_code = counted.plan_code and counted.indicator_code = '{{ of }}'
inner join stocks
    on
        stocks.indicator_code = '{{ of }}'
        and (stocks.basis = 'latest' or shown.closing_lag_days = stocks.closing_lag_days)
where shown.indicator_code = '{{ code }}'
{%- endmacro %}

{% macro measure_count(code, of) -%}
select
    counted.plan_code,
    counted.indicator_code,
    counted.component_code,
    counted.area_code,
    counted.basis,
    null::text as basis_zh,
    counted.value,
    null::numeric as numerator,
    null::numeric as denominator,
    counted.source_count,
    counted.source_family,
    counted.period_end
from ({{ stock_for(code, of) }}) as counted
{%- endmacro %}

{% macro measure_ratio(code, numerator, denominator, scale) -%}
select
    upper_part.plan_code,
    upper_part.indicator_code,
    upper_part.component_code,
    upper_part.area_code,
    upper_part.basis,
    null::text as basis_zh,
    round({{ scale }} * upper_part.value / nullif(lower_part.value, 0), 6) as value,
    upper_part.value as numerator,
    lower_part.value as denominator,
    upper_part.source_count,
    upper_part.source_family,
    upper_part.period_end
from ({{ stock_for(code, numerator) }}) as upper_part
inner join ({{ stock_for(code, denominator) }}) as lower_part
    on
        upper_part.plan_code = lower_part.plan_code
        and upper_part.component_code = lower_part.component_code
        and upper_part.area_code = lower_part.area_code
        and upper_part.basis = lower_part.basis
        and upper_part.period_end = lower_part.period_end
where
    upper_part.component_code = 'total'
    and upper_part.area_code = '120110'
    and lower_part.value <> 0
{%- endmacro %}

{% macro measure_per_head(code, numerator, per) -%}
select
    counted.plan_code,
    counted.indicator_code,
    counted.component_code,
    counted.area_code,
    counted.basis,
    '分母：' || population.basis_zh || '，' || population.population || '人。' as basis_zh,
    round({{ per }} * counted.value / population.population, 6) as value,
    counted.value as numerator,
    population.population::numeric as denominator,
    counted.source_count,
    counted.source_family,
    counted.period_end
from ({{ stock_for(code, numerator) }}) as counted
inner join population
    on
        counted.area_code = population.area_code
        and counted.period_end between population.used_from and population.used_to
{%- endmacro %}

{% macro measure_growth(code, of) -%}
select
    current_part.plan_code,
    current_part.indicator_code,
    current_part.component_code,
    current_part.area_code,
    current_part.basis,
    '基期：' || base_part.period_end || '。' as basis_zh,
    round(
        100 * (
            power(
                current_part.value / base_part.value,
                1::numeric / (extract(year from current_part.period_end) - extract(year from base_part.period_end))
            ) - 1
        ),
        6
    ) as value,
    current_part.value as numerator,
    base_part.value as denominator,
    current_part.source_count,
    current_part.source_family,
    current_part.period_end
from ({{ stock_for(code, of) }}) as current_part
inner join ({{ stock_for(code, of) }}) as base_part
    on
        current_part.plan_code = base_part.plan_code
        and current_part.component_code = base_part.component_code
        and current_part.area_code = base_part.area_code
        and current_part.basis = base_part.basis
        -- five-year periods begin in years that end on 1 and 6; their base is the year-end before
        and base_part.period_end = make_date(
            ((extract(year from current_part.period_end)::integer - 1) / 5) * 5, 12, 31
        )
where
    current_part.component_code = 'total'
    and current_part.area_code = '120110'
    and extract(month from current_part.period_end) = 12
    and base_part.value > 0
    and current_part.value > 0
{%- endmacro %}

{% macro measure_rank(code, of) -%}
select
    ranked.plan_code,
    ranked.indicator_code,
    ranked.component_code,
    ranked.area_code,
    ranked.basis,
    '按本库专利数据在16个区中排位。' as basis_zh,
    ranked.rank_no::numeric as value,
    ranked.value as numerator,
    null::numeric as denominator,
    ranked.source_count,
    ranked.source_family,
    ranked.period_end
from (
    select
        counted.*,
        rank() over (partition by counted.plan_code, counted.basis, counted.period_end order by counted.value desc) as rank_no,
        count(*) over (partition by counted.plan_code, counted.basis, counted.period_end) as district_count
    from ({{ stock_for(code, of) }}) as counted
    inner join areas on counted.area_code = areas.area_code
    where
        counted.component_code = 'total'
        and areas.level = 'district'
        and counted.value > 0
) as ranked
where
    ranked.area_code = '120110'
    -- a rank among some of the districts is none
    and ranked.district_count = 16
    and extract(month from ranked.period_end) = 12
{%- endmacro %}
