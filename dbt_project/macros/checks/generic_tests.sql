{#- Generic tests that dbt-core does not ship. Each returns the offending rows. -#}

{% test unique_combination(model, columns) %}
select {{ columns | join(', ') }}, count(*) as row_count
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{% test accepted_range(model, column_name, min_value=none, max_value=none) %}
select {{ column_name }}
from {{ model }}
where
    false
    {% if min_value is not none %}or {{ column_name }} < {{ min_value }}{% endif %}
    {% if max_value is not none %}or {{ column_name }} > {{ max_value }}{% endif %}
{% endtest %}

{% test expression_holds(model, expression) %}
select *
from {{ model }}
where ({{ expression }}) is not true
{% endtest %}

{% test row_count_is(model, expected) %}
select count(*) as row_count
from {{ model }}
having count(*) <> {{ expected }}
{% endtest %}

{#- Indicators that lack their one headline component. -#}
{% test one_headline_component(model, indicators) %}
select
    indicators.plan_code,
    indicators.indicator_code,
    count(components.component_code) as headline_count
from {{ indicators }} as indicators
left join {{ model }} as components
    on
        indicators.plan_code = components.plan_code
        and indicators.indicator_code = components.indicator_code
        and components.is_headline
group by indicators.plan_code, indicators.indicator_code
having count(components.component_code) <> 1
{% endtest %}

{#- Indicators without a row on some day asked, on some basis. -#}
{% test each_indicator_is_asked(model, indicators) %}
select
    askings.plan_code,
    askings.basis,
    askings.period_end,
    indicators.indicator_code
from (select distinct plan_code, basis, period_end from {{ model }}) as askings
inner join {{ indicators }} as indicators on askings.plan_code = indicators.plan_code
where not exists (
    select 1 from {{ model }} as progress
    where
        progress.plan_code = askings.plan_code
        and progress.basis = askings.basis
        and progress.period_end = askings.period_end
        and progress.indicator_code = indicators.indicator_code
)
{% endtest %}

{#- Days on which a setting of the verdicts has no value, or more than one. -#}
{% test every_setting_once(model, settings) %}
select
    days.evaluated_on,
    codes.setting_code,
    count(settings.value) as value_count
from {{ model }} as days
cross join unnest(array['{{ verdict_settings() | join("', '") }}']) as codes (setting_code)
left join {{ settings }} as settings
    on codes.setting_code = settings.setting_code and {{ setting_is_valid_on('days.evaluated_on') }}
group by days.evaluated_on, codes.setting_code
having count(settings.value) <> 1
{% endtest %}
