{# A moment as text, in UTC; without the time if it is midnight. #}
{% macro say_when(column) -%}
    case
        when {{ column }} = date_trunc('day', {{ column }}) then strftime({{ column }}, '%Y-%m-%d')
        else strftime({{ column }}, '%Y-%m-%d %H:%M')
    end
{%- endmacro %}

{# A day as text, in UTC. #}
{% macro say_day(column) -%}
    strftime({{ column }}, '%Y-%m-%d')
{%- endmacro %}

{# Seconds as '90 days' or '12 hours'. #}
{% macro say_seconds(column) -%}
    case
        when {{ column }} % 86400 = 0 then ({{ column }} // 86400) || ' days'
        else round({{ column }} / 3600, 1) || ' hours'
    end
{%- endmacro %}

{# A decimal without the zeros at its end. #}
{% macro say_amount(column) -%}
    rtrim(rtrim(cast({{ column }} as varchar), '0'), '.')
{%- endmacro %}

{# '1 row', '2 rows'. #}
{% macro say_count(count, thing) -%}
    {{ count }} || ' {{ thing }}' || case {{ count }} when 1 then '' else 's' end
{%- endmacro %}

{# Whether the exchange of these limits has closed by now. #}
{% macro is_over(specs) -%}
    coalesce({{ specs }}.lifecycle != 'active' and {{ specs }}.ends_at <= {{ as_of() }}, false)
{%- endmacro %}
