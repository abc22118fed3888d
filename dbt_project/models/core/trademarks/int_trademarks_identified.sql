{{
    config(
        indexes=[{'columns': ['trademark_id']}],
        post_hook='analyze {{ this }}',
    )
}}

-- Which mark each record shows: one registration number and Nice class, whatever the ids. A record without a class is
-- that of the class which its own id shows elsewhere, else of the only class of its number; a number that shows several
-- classes leaves it open: such a record is of no class (trademark_id is empty), for its number is counted already.
with

records as (

    select * from {{ ref('fct_trademark_records') }}

),

classes_by_mark as (

    select
        origin,
        trademark_number,
        mark_id,
        min(nice_class) as nice_class
    from records
    where nice_class is not null
    group by origin, trademark_number, mark_id
    having count(distinct nice_class) = 1

),

classes_by_number as (

    select
        origin,
        trademark_number,
        min(nice_class) as nice_class,
        count(distinct nice_class) as class_count
    from records
    where nice_class is not null
    group by origin, trademark_number

),

classed as (

    select
        records.*,
        case
            when records.nice_class is not null then 'received'
            when classes_by_mark.nice_class is not null then 'same_mark'
            when classes_by_number.class_count = 1 then 'same_number'
            when classes_by_number.class_count > 1 then 'ambiguous'
            else 'missing'
        end as class_status,
        coalesce(
            records.nice_class,
            classes_by_mark.nice_class,
            case when classes_by_number.class_count = 1 then classes_by_number.nice_class end
        ) as class_known
    from records
    left join classes_by_mark
        on
            records.origin = classes_by_mark.origin
            and records.trademark_number = classes_by_mark.trademark_number
            and records.mark_id = classes_by_mark.mark_id
    left join classes_by_number
        on
            records.origin = classes_by_number.origin
            and records.trademark_number = classes_by_number.trademark_number

),

final as (

    select
        case
            when class_status <> 'ambiguous'
                then
                    case when origin = 'international' then 'G' else '' end
                    || trademark_number
                    || '-'
                    || coalesce(lpad(class_known::text, 2, '0'), '00')
        end as trademark_id,
        trademark_number,
        origin,
        class_status,
        class_known as nice_class,
        record_version_id,
        mark_id,
        registration_number,
        application_number,
        name,
        mark_kind,
        state,
        first_owner_key,
        address_text,
        province,
        city,
        county,
        post_code,
        is_natural_person_owner,
        is_masked,
        is_state_contradicted,
        is_right_unlimited,
        application_date,
        international_registration_date,
        registration_date,
        -- a renewed record shows the renewed period alone, but still the day of registration
        case when origin = 'national' then least(right_from, registration_date) else coalesce(right_from, registration_date) end
            as right_from,
        case
            when is_right_unlimited then 'infinity'::date
            else coalesce(right_to, {{ term_last_day('coalesce(right_from, registration_date)') }})
        end as right_to,
        not is_right_unlimited and right_to is null and coalesce(right_from, registration_date) is not null as is_end_by_term,
        known_at
    from classed

)

select * from final
