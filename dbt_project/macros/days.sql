{# The day of a moment in UTC, wherever the machine or the reader's session is. #}
{% macro utc_day(moment) -%}
    cast({{ moment }} at time zone 'UTC' as date)
{%- endmacro %}
