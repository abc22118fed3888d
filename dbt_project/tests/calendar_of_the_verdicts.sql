-- Months between month-ends, shifted month-ends, and the base of a five-year period: rows that are wrong.
with

months as (
    select
        from_day::date as from_day,
        to_day::date as to_day,
        expected
    from (
        values
        ('2020-12-31', '2021-02-28', 2),
        ('2020-12-31', '2024-02-29', 38),
        ('2020-12-31', '2024-02-28', 37),
        ('2020-12-31', '2021-01-15', 0),
        ('2020-12-31', '2020-12-31', 0),
        ('2020-12-31', '2024-12-31', 48),
        ('2020-12-31', '2025-12-31', 60)
    ) as list (from_day, to_day, expected)
),

shifts as (
    select
        from_day::date as from_day,
        by_months,
        expected::date as expected
    from (
        values
        ('2020-12-31', 2, '2021-02-28'),
        ('2021-02-28', 1, '2021-03-31'),
        ('2024-02-29', -12, '2023-02-28'),
        ('2021-03-31', -3, '2020-12-31'),
        ('2021-01-15', 12, '2022-01-15')
    ) as list (from_day, by_months, expected)
),

five_years as (
    select
        on_day::date as on_day,
        expected::date as expected
    from (
        values
        ('2020-12-31', '2015-12-31'),
        ('2021-01-01', '2020-12-31'),
        ('2025-12-31', '2020-12-31'),
        ('2026-01-01', '2025-12-31')
    ) as list (on_day, expected)
),

-- 2,200 since 1,000 and 1,500 since 1,000, over five years
rates as (
    select
        y,
        base,
        expected
    from (values (2200, 1000, 17.1), (1500, 1000, 8.4)) as list (y, base, expected)
),

final as (
    select
        'whole_months' as macro,
        to_day::text as input
    from months
    where {{ whole_months('from_day', 'to_day') }} <> expected
    union all
    select
        'shift_months' as macro,
        from_day::text as input
    from shifts
    where {{ shift_months('from_day', 'by_months') }} <> expected
    union all
    select
        'five_year_base' as macro,
        on_day::text as input
    from five_years
    where {{ five_year_base('on_day') }} <> expected
    union all
    select
        'compound_annual_rate' as macro,
        y::text as input
    from rates
    where round({{ compound_annual_rate('y', 'base', '60') }} * 100, 1) <> expected
)

select * from final
