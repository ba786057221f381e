{#
    Text to typed columns, without a float in between and without an error on odd values:
    what cannot be typed exactly is null, and `unreadable_amounts` names it for a test to find.
#}

{# A string (or integer) field of a JSON record; absent, null and '' are all null. #}
{% macro json_text(key, record='record') -%}
    nullif({{ record }} ->> '$.{{ key }}', '')
{%- endmacro %}

{# The value of a field whose name is itself a column, as text that is not too long to show. #}
{% macro value_of(record, name) -%}
    left(json_extract_string(
        cast({{ record }} as json), '/' || replace(replace({{ name }}, '~', '~0'), '/', '~1')
    ), 200)
{%- endmacro %}

{#
    A field of a flat JSON record that is a bare number: its own digits, as text. Where records are
    opened anyway, `open_records` does the same for many fields at once.
#}
{% macro json_number(key, record='record') -%}
    nullif(regexp_extract(
        cast({{ record }} as varchar), '"{{ key }}"\s*:\s*(-?[0-9][0-9.eE+-]*)', 1
    ), '')
{%- endmacro %}

{#
    The rows of `source` with the named fields of each record as text, parsed once for all of them.

    JSON numbers pass through a double on the way, which holds 15 digits for certain. So where a
    record has a longer number, the `numbers` are read from the record's own text. `objects` are
    flat objects whose fields may be called as the record's own: numbers are not read inside them.
#}
{% macro open_records(fields, numbers=(), objects=()) -%}
    {%- set flat = namespace(text='cast(record as varchar)') -%}
    {%- for key in objects -%}
        {%- set flat.text = "regexp_replace(" ~ flat.text ~ ", '\"" ~ key ~ "\"\\s*:\\s*\\{[^{}]*\\}', '')" -%}
    {%- endfor -%}
    select
        *
        {%- for key in numbers %},
        case
            when has_long_numbers
                then nullif(nullif(trim(regexp_extract(
                    {{ flat.text }}, '"{{ key }}"\s*:\s*("[^"]*"|[^,}\s]*)', 1
                ), '"'), ''), 'null')
            else nullif(field."{{ key }}", '')
        end as "{{ key }}_text"
        {%- endfor %}
    from (
        select
            *,
            json_transform(
                record,
                '{
                {%- for key in fields %}"{{ key }}":"VARCHAR"{{ ', ' if not loop.last }}{% endfor -%}
                }'
            ) as field
            {%- if numbers %},
            regexp_matches(cast(record as varchar), ':\s*-?[0-9.eE+-]{16}') as has_long_numbers
            {%- endif %}
        from source
    )
{%- endmacro %}

{# A field of an opened record; absent, null and '' are all null. #}
{% macro text_field(key) -%}
    nullif(field."{{ key }}", '')
{%- endmacro %}

{# A field that may be a JSON number: its own digits, as text. One of the `numbers` opened. #}
{% macro number_field(key) -%}
    "{{ key }}_text"
{%- endmacro %}

{# A flat object in a record, as the record writes it. #}
{% macro object_field(key) -%}
    nullif(regexp_extract(cast(record as varchar), '"{{ key }}"\s*:\s*(\{[^{}]*\})', 1), '')
{%- endmacro %}

{# How many digits a number has after its point. #}
{% macro fraction_digits(text) -%}
    length({{ text }}) - coalesce(nullif(strpos({{ text }}, '.'), 0), length({{ text }}))
{%- endmacro %}

{% macro has_exponent(text) -%}
    contains({{ text }}, 'e') or contains({{ text }}, 'E')
{%- endmacro %}

{#
    Text to decimal(38, 18): exactly, or null. 18 digits after the point are held, 20 before it;
    a plain cast would round the 19th away in silence. Exponents ('1E-8') are read as well.

    DuckDB casts text to decimals of up to 18 digits a hundred times faster than to longer ones,
    so the usual sizes go by way of those.
#}
{% macro amount(text) -%}
    case
        when {{ has_exponent(text) }} then
            case
                when
                    regexp_full_match(
                        {{ text }}, '[+-]?[0-9]{1,20}(\.[0-9]{1,30})?[eE][+-]?[0-9]{1,2}'
                    )
                    and length(regexp_extract({{ text }}, '\.([0-9]+)', 1))
                    - try_cast(regexp_extract({{ text }}, '[eE]([+-]?[0-9]+)', 1) as integer) <= 18
                    then try_cast({{ text }} as decimal(38, 18))
            end
        else
            coalesce(
                {%- for scale in (9, 4, 16) %}
                case
                    when {{ fraction_digits(text) }} <= {{ scale }}
                        then cast(try_cast({{ text }} as decimal(18, {{ scale }})) as decimal(38, 18))
                end,
                {%- endfor %}
                case
                    when regexp_full_match({{ text }}, '[+-]?0*[0-9]{0,20}(\.[0-9]{0,18}0*)?')
                        then try_cast({{ text }} as decimal(38, 18))
                end
            )
    end
{%- endmacro %}

{#
    An amount that is 0 where the exchange left it out. Null where its text could not be typed
    exactly: what a record's `unreadable_amounts` names is not nothing.
#}
{% macro known_or_zero(amount, unreadable='unreadable_amounts') -%}
    case
        when {{ unreadable }} is null then coalesce({{ amount }}, 0)
        else {{ amount }}
    end
{%- endmacro %}

{# Minor units as text (an integer of up to 38 digits) to decimal(38, 0): exactly, or null. #}
{% macro minor_units(text) -%}
    coalesce(
        case
            when not ({{ has_exponent(text) }}) and not contains({{ text }}, '.')
                then cast(try_cast({{ text }} as bigint) as decimal(38, 0))
        end,
        case
            when regexp_full_match({{ text }}, '[+-]?[0-9]{1,38}(\.0*)?')
                then try_cast({{ text }} as decimal(38, 0))
        end
    )
{%- endmacro %}

{# Minor units (decimal(38, 0)) and the number of decimals of the unit to decimal(38, 18). #}
{% macro from_minor_units(minor, scale) -%}
    {#- decimal(19, 0) x decimal(19, 18) is decimal(38, 18): exact, where a division is a float. -#}
    try_cast({{ minor }} as decimal(19, 0)) * {{ unit_size(scale) }}
{%- endmacro %}

{# 10^-scale as decimal(19, 18); null where the scale is unknown or beyond what we can hold. #}
{% macro unit_size(scale) -%}
    case
        when {{ scale }} = 0 then cast(1 as decimal(19, 18))
        when {{ scale }} between 1 and 18
            then cast('0.' || repeat('0', cast({{ scale }} - 1 as integer)) || '1' as decimal(19, 18))
    end
{%- endmacro %}

{#
    Unix milliseconds as text to a UTC time; '', '0' and '-1' mean "not set". Documents and answers
    disagree at times: a number that makes no sense as milliseconds (2009 to 2100) is read in the
    unit in which it does, as it was when it was fetched.
#}
{% macro millis_to_utc(text) -%}
    {%- set number = "try_cast(" ~ text ~ " as bigint)" -%}
    make_timestamptz(
        case
            when {{ number }} between 1230768000000 and 4102444799999 then {{ number }} * 1000
            when {{ number }} between 1230768000 and 4102444799 then {{ number }} * 1000000
            when {{ number }} between 1230768000000000 and 4102444799999999 then {{ number }}
            when {{ number }} between 1230768000000000000 and 4102444799999999999
                then {{ number }} // 1000
            when {{ number }} between 1 and 253402300799999 then {{ number }} * 1000 -- to year 9999
        end
    )
{%- endmacro %}

{# ISO 8601 text to a UTC time. #}
{% macro iso_to_utc(text) -%}
    try_cast({{ text }} as timestamptz)
{%- endmacro %}

{#
    The product of two decimals as decimal(38, 18): exactly, or null where it needs more digits than
    that or a factor is negative. decimal(19, 9) x decimal(19, 9) is decimal(38, 18), which holds the
    usual sizes. Beyond them whole numbers are multiplied, and the point is put back as text; the
    lambdas give a name to what is worked out once, where DuckDB would work out each mention anew.
#}
{% macro exact_product(a, b) -%}
    case
        when {{ a }} = 0 or {{ b }} = 0 then cast(0 as decimal(38, 18))
        when {{ a }} < 0 or {{ b }} < 0 then null
        when
            try_cast({{ a }} as decimal(19, 9)) = {{ a }}
            and try_cast({{ b }} as decimal(19, 9)) = {{ b }}
            then try_cast({{ a }} as decimal(19, 9)) * try_cast({{ b }} as decimal(19, 9))
        else list_transform(
            [struct_pack(
                first := split(rtrim(cast({{ a }} as varchar), '0'), '.'),
                second := split(rtrim(cast({{ b }} as varchar), '0'), '.')
            )],
            lambda factors: {{ product_of_digits(
                "ltrim(factors.first[1] || factors.first[2], '0')",
                "ltrim(factors.second[1] || factors.second[2], '0')",
                "length(factors.first[2]) + length(factors.second[2])"
            ) }}
        )[1]
    end
{%- endmacro %}

{# Two whole numbers as text, and the digits their product has behind the point. #}
{% macro product_of_digits(first, second, places) -%}
    case
        -- A product has as many digits as its factors together, or one less.
        when length({{ first }}) + length({{ second }}) <= 38
            then list_transform(
                [lpad(
                    cast(cast({{ first }} as hugeint) * cast({{ second }} as hugeint) as varchar),
                    39, '0'
                )],
                lambda digits: {{ whole_amount(
                    "left(digits, cast(39 - (" ~ places ~ ") as integer)) || '.' || right(digits, cast("
                    ~ places ~ " as integer))"
                ) }}
            )[1]
    end
{%- endmacro %}

{# Digits around a point to decimal(38, 18): exactly, or null. #}
{% macro whole_amount(text) -%}
    case
        when regexp_full_match({{ text }}, '0*[0-9]{0,20}\.[0-9]{0,18}0*')
            then try_cast({{ text }} as decimal(38, 18))
    end
{%- endmacro %}
