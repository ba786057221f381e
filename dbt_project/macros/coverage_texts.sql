{# A moment as people read it, in UTC; without the hour where it is midnight. #}
{% macro say_when(column) -%}
    case
        when {{ column }} = date_trunc('day', {{ column }}) then strftime({{ column }}, '%Y-%m-%d')
        else strftime({{ column }}, '%Y-%m-%d %H:%M')
    end
{%- endmacro %}

{# A day as people read it, in UTC. #}
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

{# Whether the exchange of these limits has closed by now. #}
{% macro is_over(specs) -%}
    coalesce({{ specs }}.lifecycle != 'active' and {{ specs }}.ends_at <= {{ as_of() }}, false)
{%- endmacro %}

{# How to bring an account's rows by its API: one that only files are known of has no key yet. #}
{% macro sync_step(exchange, label, origin) -%}
    concat(
        case when {{ origin }} is not distinct from 'file'
            then 'connect the account by its API key (`lookback guide ' || {{ exchange }} || '`), then '
        end,
        'run `lookback sync ', {{ label }}, '`'
    )
{%- endmacro %}

{#
    What limits name as the way out, as far as it can still be taken. A closed exchange has no site
    to download from, unless the words are of after its closing; a file that cannot be imported
    is to be kept.
#}
{% macro possible_remedy(specs) -%}
    case
        when {{ is_over(specs) }} and {{ specs }}.lifecycle != 'closed' then concat(
            coalesce({{ specs }}.exchange_title, {{ specs }}.exchange),
            ' has closed: ask its support for what is missing',
            case when {{ specs }}.imports_files
                then ', or import answers of its API that were saved before' end
        )
        when not {{ specs }}.imports_files and contains({{ specs }}.remedy, 'download')
            then {{ specs }}.remedy || ' (keep it: lookback cannot import files of '
            || coalesce({{ specs }}.exchange_title, {{ specs }}.exchange) || ')'
        else {{ specs }}.remedy
    end
{%- endmacro %}
