{#
    A transaction hash as everybody writes it: lower case, without 0x and without the number of the
    output that some add. Null for what is too short to be one, or is words.
#}
{% macro hash_key(hash) -%}
    nullif(regexp_extract(
        lower(trim({{ hash }})), '^(?:0x)?([0-9a-z]{32,})(?:[:_/-][0-9]{1,5})?$', 1
    ), '')
{%- endmacro %}

{# The number of the output that a hash ends in ('…:1'), else null. #}
{% macro hash_output(hash) -%}
    try_cast(nullif(regexp_extract(
        lower(trim({{ hash }})), '^(?:0x)?[0-9a-z]{32,}[:_/-]([0-9]{1,5})$', 1
    ), '') as integer)
{%- endmacro %}

{# An address without case, without the name of its chain before it and without a query behind. #}
{% macro address_key(address) -%}
    nullif(regexp_replace(
        split_part(lower(trim({{ address }})), '?', 1), '^[a-z]{3,}:(//)?', ''
    ), '')
{%- endmacro %}

{# A chain's name in the form of the seed chain_names: letters and digits, lower case. #}
{% macro chain_word(network) -%}
    nullif(regexp_replace(lower({{ network }}), '[^0-9a-z]', '', 'g'), '')
{%- endmacro %}

{#
    How large an amount is, as a whole number that grows with it: 90 steps from one power of ten to
    the next. Amounts of one step differ by a tenth at most. Only to look candidates up.
#}
{% macro magnitude(amount) -%}
    {%- set digits = "ltrim(replace(cast(" ~ amount ~ " as varchar), '.', ''), '0')" -%}
    (90 * length({{ digits }}) + cast(left(rpad({{ digits }}, 2, '0'), 2) as bigint) - 10)
{%- endmacro %}

{# The number of the six-hour interval of a moment, to find candidates. #}
{% macro quarter_day(moment) -%}
    (epoch_ms({{ moment }}) // 21600000)
{%- endmacro %}
