{# Our code of a coin. ONE is BigONE's own token here, and Harmony's everywhere else. #}
{% macro bigone_asset(code) -%}
    case upper({{ code }}) when 'ONE' then 'BIGONE' else upper({{ code }}) end
{%- endmacro %}

{% macro bigone_deposit_status(word='state') -%}
    {{ status_of(word, {
        'pending': ['pending', 'withhold'], 'completed': ['completed'],
        'canceled': ['cancelled'],
    }) }}
{%- endmacro %}

{# CONFIRMED is what old answers say for COMPLETED. #}
{% macro bigone_withdrawal_status(word='state') -%}
    {{ status_of(word, {
        'pending': ['pending'], 'completed': ['completed', 'confirmed'], 'failed': ['failed'],
        'canceled': ['cancelled'],
    }) }}
{%- endmacro %}

{# FULLFILLED, with three Ls, is what old answers say for SUCCEEDED. #}
{% macro bigone_conversion_status(word='state') -%}
    {{ status_of(word, {
        'pending': ['pending', 'processing'], 'completed': ['succeeded', 'fullfilled'],
        'failed': ['failed'],
    }) }}
{%- endmacro %}

{# What arrives as a deposit: money from outside, or a gift of the exchange, by its kind. #}
{% macro bigone_deposit_type(kind='kind') -%}
    case
        when lower({{ kind }}) in ('on_chain', 'internal', 'off_chain', 'default') then 'deposit'
        when lower({{ kind }}) in (
            'air_drop', 'equally_airdrop', 'snapshotted_airdrop', 'big_holder_dividend',
            'one_holder_dividend', 'eosc_to_eos', 'single_customer', 'referral_mining',
            'trade_mining'
        ) then 'reward'
        else 'unclassified'
    end
{%- endmacro %}

{#
    The product of two positive decimals as decimal(38, 18): exactly, or null where it needs more
    digits than that. Whole numbers are multiplied, and the point is put back as text.
#}
{% macro exact_product(a, b) -%}
    {%- set digits_of = "ltrim(replace(rtrim(rtrim(cast(%s as varchar), '0'), '.'), '.', ''), '0')" -%}
    {%- set places_of = "length(split_part(rtrim(rtrim(cast(%s as varchar), '0'), '.'), '.', 2))" -%}
    {%- set first, second = digits_of | format(a), digits_of | format(b) -%}
    {%- set places = "(" ~ (places_of | format(a)) ~ " + " ~ (places_of | format(b)) ~ ")" -%}
    case
        when {{ a }} = 0 or {{ b }} = 0 then cast(0 as decimal(38, 18))
        -- A product has as many digits as its factors together, or one less.
        when {{ a }} > 0 and {{ b }} > 0 and length({{ first }}) + length({{ second }}) <= 38
            then {{ point_put_back(
                "cast(cast(" ~ first ~ " as hugeint) * cast(" ~ second ~ " as hugeint) as varchar)",
                places
            ) }}
    end
{%- endmacro %}

{# Digits and the number of them behind the point, as decimal(38, 18): exactly, or null. #}
{% macro point_put_back(digits, places) -%}
    {%- set places = "cast(" ~ places ~ " as integer)" -%}
    {%- set padded = "lpad(" ~ digits ~ ", greatest(cast(length(" ~ digits ~ ") as integer), "
        ~ places ~ " + 1), '0')" -%}
    {{ amount(
        "(left(" ~ padded ~ ", cast(length(" ~ padded ~ ") as integer) - " ~ places ~ ") || '.' || right("
        ~ padded ~ ", " ~ places ~ "))"
    ) }}
{%- endmacro %}
