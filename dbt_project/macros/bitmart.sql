{# A Unix time as text, sent in seconds or in milliseconds: the size of the number tells. #}
{% macro bitmart_time(text) -%}
    make_timestamptz(
        case
            when try_cast({{ text }} as bigint) <= 0 then null
            when try_cast({{ text }} as bigint) < 100000000000
                then try_cast({{ text }} as bigint) * 1000000
            else try_cast({{ text }} as bigint) * 1000
        end
    )
{%- endmacro %}

{# The coin of a code that may carry its network: USDT-TRC20. #}
{% macro bitmart_coin(currency) -%}
    split_part({{ currency }}, '-', 1)
{%- endmacro %}

{% macro bitmart_money_status(word='status') -%}
    {{ status_of(word, {
        'pending': ['0', '1', '2'], 'completed': ['3'], 'canceled': ['4'], 'failed': ['5'],
    }) }}
{%- endmacro %}

{% macro bitmart_transfer_status(word='state') -%}
    {{ status_of(word, {
        'pending': ['processing'], 'completed': ['finished'], 'failed': ['failed'],
    }) }}
{%- endmacro %}

{# The wallet a row of the futures ledger or a futures fill belongs to. #}
{% macro bitmart_futures_wallet(account='account') -%}
    case {{ account }} when 'copy_trading' then 'futures_copy_trading' else 'futures' end
{%- endmacro %}
