{# The day of a moment in UTC, in any time zone of the session. #}
{% macro utc_day(moment) -%}
    cast({{ moment }} at time zone 'UTC' as date)
{%- endmacro %}
