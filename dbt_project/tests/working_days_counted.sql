-- Working days between two days: rows that are wrong.
with

counted as (

    select
        {{ working_days_between('list.from_day', 'list.to_day') }} as working_days,
        list.expected,
        list.what
    from (
        values
        ('2025-01-03'::date, '2025-01-03'::date, 0, 'the day itself is not counted'),
        ('2025-01-03', '2025-01-06', 1, 'Friday to Monday'),
        ('2025-01-24', '2025-02-05', 3, 'over Spring Festival, with the Sunday 2025-01-26 worked before it'),
        ('2025-02-05', '2025-02-08', 3, 'the Saturday 2025-02-08 is worked after it'),
        ('2025-09-30', '2025-10-09', 1, 'over the National Day week'),
        ('2020-01-23', '2020-02-03', 1, 'Spring Festival of 2020, prolonged to 2 February'),
        ('2019-12-31', '2020-01-02', 1, 'over a turn of the year'),
        ('2025-01-06', '2025-01-03', -1, 'backwards'),
        ('2014-12-31', '2015-01-05', null, 'a day of a year that is not in the table'),
        ('2025-01-01', null, null, 'a day that is not known')
    ) as list (from_day, to_day, expected, what)

),

final as (

    select * from counted
    where working_days is distinct from expected

)

select * from final
