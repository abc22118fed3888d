{{ config(
    severity='warn',
    meta={'owner': '数据组', 'reason_zh': '有转入本市的专利因公开文献不在加载范围而无从计入，已逐件列出'},
) }}

-- A patent that comes into the city from outside the load scope has no publication here: it is counted nowhere, and here
-- it is listed.
select
    events.patent_id,
    events.legal_event_id,
    placed.area_code,
    events.effective_date
from {{ ref('int_patent_events_known') }} as events
inner join {{ ref('fct_address_attributions') }} as placed on events.to_address_key = placed.address_key
inner join {{ ref('int_attribution_rules') }} as rules on placed.rule_version = rules.rule_version
left join {{ ref('int_patent_states') }} as states on events.patent_id = states.patent_id
where
    events.event_type = 'transfer'
    and events.known_to is null
    and events.has_to_address
    and coalesce(events.group_no, 1) = 1
    and placed.area_code is not null
    and states.patent_id is null
