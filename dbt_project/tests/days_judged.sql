-- Days off, days worked in exchange and plain week-ends, from the State Council's notices: rows that are wrong. A day of a
-- year whose arrangement is not known stands in no row.
with

judged as (

    select
        list.day,
        list.is_working_day as expected,
        list.holiday_name_zh as expected_name,
        days.is_working_day,
        days.holiday_name_zh
    from (
        values
        ('2025-01-27'::date, true, null),
        ('2025-01-26', true, null),
        ('2025-01-28', false, '春节'),
        ('2025-02-08', true, null),
        ('2025-02-09', false, null),
        ('2020-01-31', false, '春节'),
        ('2015-09-03', false, '中国人民抗日战争暨世界反法西斯战争胜利70周年纪念日'),
        ('2026-10-07', false, '国庆节'),
        ('2026-10-08', true, null),
        ('2014-12-31', null, null)
    ) as list (day, is_working_day, holiday_name_zh)
    left join {{ ref('dim_days') }} as days on list.day = days.day

),

final as (

    select * from judged
    where is_working_day is distinct from expected or holiday_name_zh is distinct from expected_name

)

select * from final
