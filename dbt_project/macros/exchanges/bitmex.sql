{#
    What `tx` holds depends on the type and age of a row: only 64 hex digits, with or without 0x,
    are a hash on a chain. Others are guids of a batch or a transfer, or an address.
#}
{% macro bitmex_tx_hash(tx) -%}
    case when regexp_full_match({{ tx }}, '(0x)?[0-9a-fA-F]{64}') then {{ tx }} end
{%- endmacro %}

{#
    Whether a symbol is that of a spot pair: base and quote coin around one `_`. Names of options
    (XBT7D_U110) have one too, and no currency behind it.
#}
{% macro bitmex_is_spot_name(symbol, currency) -%}
    coalesce(
        regexp_full_match({{ symbol }}, '[^_]+_[^_]+')
        and split_part({{ symbol }}, '_', 2) in (
            coalesce({{ currency }}, 'USDT'), coalesce({{ currency }}, 'USDC'),
            coalesce({{ currency }}, 'XBT'), coalesce({{ currency }}, 'ETH')
        ),
        false
    )
{%- endmacro %}

{#
    The coin a contract stands for, by its name and the currency it is quoted in, which ends the
    name (XBTUSDT); dated ones (XBTH26, XBTUSDTH26) end in a month. Null where the name is neither.
#}
{% macro bitmex_underlying_by_name(symbol, currency) -%}
    {%- set root = "regexp_replace(" ~ symbol ~ ", '[FGHJKMNQUVXZ][0-9]{2}$', '')" -%}
    case
        when {{ currency }} is null or contains({{ symbol }}, '_') then null
        when ends_with({{ root }}, {{ currency }})
            then nullif(left({{ root }}, length({{ root }}) - length({{ currency }})), '')
        when {{ root }} <> {{ symbol }} then nullif({{ root }}, '')
    end
{%- endmacro %}

{#
    Whether a fill of `contracts` at `price` can have cost so much (minor units) under a contract's
    multiplier: another contract once had the same name. The value of one contract was rounded to
    the unit for years, so there is a unit of play for each. A comparison only: no amount is made here.
#}
{% macro bitmex_cost_fits(cost, multiplier, contracts, price, is_inverse) -%}
    coalesce(
        abs(
            abs(cast({{ cost }} as double))
            - abs(cast({{ multiplier }} as double)) * {{ contracts }}
            * case when {{ is_inverse }} then 1 / cast({{ price }} as double) else {{ price }} end
        ) <= {{ contracts }} + 1,
        false
    )
{%- endmacro %}

{# An id; null if it is absent, empty or all zeros. #}
{% macro bitmex_id(id) -%}
    nullif(nullif({{ id }}, ''), '00000000-0000-0000-0000-000000000000')
{%- endmacro %}

{% macro bitmex_transaction_status(word='transact_status') -%}
    {{ status_of(word, {
        'pending': ['pending', 'confirmed'], 'completed': ['completed'],
        'canceled': ['canceled'],
    }) }}
{%- endmacro %}
