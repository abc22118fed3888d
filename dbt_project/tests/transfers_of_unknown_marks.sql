{{ config(severity='warn') }}

-- Announced transfers that move no mark known here, for its record never came. They change no figure until it comes.
-- 转让公告所涉商标尚无记录：记录到达前不影响任何数字。
with

transfers as (

    select * from {{ ref('fct_trademark_transfers') }}

),

marks as (

    select * from {{ ref('int_trademarks_identified') }}
    where trademark_id is not null

),

numbers as (

    select distinct trademark_number from marks

),

ids as (

    select distinct mark_id from marks

)

select
    transfers.record_version_id,
    transfers.registration_number,
    transfers.mark_id
from transfers
left join numbers on regexp_replace(transfers.registration_number, '^G', '') = numbers.trademark_number
left join ids on transfers.registration_number is null and transfers.mark_id = ids.mark_id
where numbers.trademark_number is null and ids.mark_id is null
