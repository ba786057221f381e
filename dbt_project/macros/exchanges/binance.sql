{% macro binance_deposit_status(word='status') -%}
    {{ status_of(word, {'pending': ['0', '8'], 'completed': ['1', '6'], 'failed': ['2', '7']}) }}
{%- endmacro %}

{% macro binance_withdrawal_status(word='status') -%}
    {{ status_of(word, {
        'pending': ['0', '2', '4'], 'completed': ['6'], 'failed': ['3', '5'], 'canceled': ['1'],
    }) }}
{%- endmacro %}

{% macro binance_transfer_status(word='status') -%}
    {{ status_of(word, {'pending': ['pending'], 'completed': ['confirmed'], 'failed': ['failed']}) }}
{%- endmacro %}

{# Fiat orders and payments. `Expired` is an older word. #}
{% macro binance_fiat_status(word='status') -%}
    {{ status_of(word, {
        'pending': ['processing', 'refunding'], 'completed': ['successful', 'finished', 'completed'],
        'failed': ['failed', 'refund failed'], 'canceled': ['refunded', 'expired'],
    }) }}
{%- endmacro %}

{# Conversions and P2P orders. #}
{% macro binance_order_status(word='status') -%}
    {{ status_of(word, {
        'pending': [
            'process', 'accept_success', 'pending', 'trading', 'buyer_payed', 'distributing', 'in_appeal',
        ],
        'completed': ['success', 'completed'], 'failed': ['fail'],
        'canceled': ['cancelled', 'cancelled_by_system'],
    }) }}
{%- endmacro %}

{# The wallet of a number: 0 or none is spot. #}
{% macro binance_wallet(number='wallet_type') -%}
    case coalesce({{ number }}, 0) when 0 then 'spot' when 1 then 'funding' end
{%- endmacro %}

{# The wallet that a transfer leaves (1) or reaches (2). Null where the type does not name two. #}
{% macro binance_transfer_wallet(place, transfer_type='transfer_type') -%}
    {%- set words = "split(replace(" ~ transfer_type ~ ", 'PORTFOLIO_MARGIN', 'PORTFOLIO'), '_')" -%}
    case when len({{ words }}) = 2 then
        case {{ words }}[{{ place }}]
            when 'MAIN' then 'spot'
            when 'UMFUTURE' then 'usdm_futures'
            when 'CMFUTURE' then 'coinm_futures'
            when 'MARGIN' then 'cross_margin'
            when 'OPTION' then 'options'
            when 'PORTFOLIO' then 'portfolio_margin'
            else lower({{ words }}[{{ place }}])
        end
    end
{%- endmacro %}

{# A transaction hash; between users of Binance there is text in its place. #}
{% macro binance_is_internal() -%}
    coalesce(transfer_type = 1, false) or coalesce(regexp_matches(tx_id, '^(Internal|Off-chain) transfer'), false)
{%- endmacro %}
