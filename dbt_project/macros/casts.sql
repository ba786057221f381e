{#
    Text to typed columns, without a float in between and without an error on odd values:
    what cannot be typed exactly is null, and `unreadable_amounts` names it for a test to find.
#}

{# A string (or integer) field of a JSON record; absent, null and '' are all null. #}
{% macro json_text(key, record='record') -%}
    nullif({{ record }} ->> '$.{{ key }}', '')
{%- endmacro %}

{#
    A field of a JSON record that may be a number: its own digits, read from the record's text.
    DuckDB's ->> passes JSON numbers through a double, which loses digits past the 15th or so.
    The quoted form is read as well, so a field that becomes a string is still read.
#}
{% macro json_number(key, record='record') -%}
    nullif(regexp_extract(
        cast({{ record }} as varchar),
        '"{{ key }}"\s*:\s*"?([+-]?[0-9.][0-9.eE+-]*)', 1
    ), '')
{%- endmacro %}

{% macro json_bool(key, record='record') -%}
    try_cast({{ json_text(key, record) }} as boolean)
{%- endmacro %}

{#
    Text to decimal(38, 18): exactly, or null. 18 digits after the point are held, 20 before it;
    a plain cast would round the 19th away in silence. Exponents ('1E-8') are read as well.
#}
{% macro amount(text) -%}
    case
        when regexp_full_match({{ text }}, '[+-]?0*[0-9]{0,20}(\.[0-9]{0,18}0*)?')
            then try_cast({{ text }} as decimal(38, 18))
        when
            regexp_full_match({{ text }}, '[+-]?[0-9]{1,20}(\.[0-9]{1,30})?[eE][+-]?[0-9]{1,2}')
            and length(regexp_extract({{ text }}, '\.([0-9]+)', 1))
            - try_cast(regexp_extract({{ text }}, '[eE]([+-]?[0-9]+)', 1) as integer) <= 18
            then try_cast({{ text }} as decimal(38, 18))
    end
{%- endmacro %}

{# Minor units (an integer as text) and the number of decimals of the unit to decimal(38, 18). #}
{% macro from_minor_units(text, scale) -%}
    {#- decimal(19, 0) x decimal(19, 18) is decimal(38, 18): exact, where a division is a float. -#}
    try_cast({{ text }} as decimal(19, 0)) * {{ unit_size(scale) }}
{%- endmacro %}

{# 10^-scale as decimal(19, 18); null where the scale is unknown or beyond what we can hold. #}
{% macro unit_size(scale) -%}
    case
        when {{ scale }} = 0 then cast(1 as decimal(19, 18))
        when {{ scale }} between 1 and 18
            then cast('0.' || repeat('0', cast({{ scale }} - 1 as integer)) || '1' as decimal(19, 18))
    end
{%- endmacro %}

{# Unix milliseconds as text to a UTC time; '', '0' and '-1' mean "not set". #}
{% macro millis_to_utc(text) -%}
    make_timestamptz(
        case when try_cast({{ text }} as bigint) > 0 then try_cast({{ text }} as bigint) * 1000 end
    )
{%- endmacro %}

{# ISO 8601 text to a UTC time. #}
{% macro iso_to_utc(text) -%}
    try_cast({{ text }} as timestamptz)
{%- endmacro %}

{#
    What of a record could not be typed exactly: 'size=1.2345678901234567890', else null.
    `amounts` maps each column to the text it was read from.
#}
{% macro unreadable_amounts(amounts) -%}
    nullif(concat_ws(', '
        {%- for column, text in amounts.items() %},
        case
            when {{ text }} is not null and {{ amount(text) }} is null
                then '{{ column }}=' || {{ text }}
        end
        {%- endfor %}
    ), '')
{%- endmacro %}
