{# The coin of a code that may carry its network: USDT-TRC20. #}
{% macro bitmart_coin(currency) -%}
    split_part({{ currency }}, '-', 1)
{%- endmacro %}

{# The same; UNKNOWN if the row has no coin. #}
{% macro bitmart_coin_or_unknown(currency) -%}
    coalesce(nullif({{ bitmart_coin(currency) }}, ''), 'UNKNOWN')
{%- endmacro %}

{# The base (1) or quote (2) coin of a spot pair; neither where the name is no pair. #}
{% macro bitmart_pair_coin(pair, place) -%}
    case
        when regexp_full_match({{ pair }}, '[^_]+_[^_]+') then split_part({{ pair }}, '_', {{ place }})
    end
{%- endmacro %}

{# Whether a row has its coin and its amount, so that it can be summed. #}
{% macro bitmart_status_if_whole(status, asset, amount) -%}
    case when {{ asset }} is null or {{ amount }} is null then 'unclassified' else {{ status }} end
{%- endmacro %}

{# Direction of the movement. Where the label is missing or new, the id that is set decides. #}
{% macro bitmart_money_direction() -%}
    case
        when lower(operation_type) in ('deposit', 'withdraw') then lower(operation_type)
        when deposit_id is not null and withdraw_id is null then 'deposit'
        when withdraw_id is not null and deposit_id is null then 'withdraw'
    end
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

{# The wallet of an order mode; an unknown mode is a wallet with its own name. #}
{% macro bitmart_spot_wallet(order_mode) -%}
    case coalesce(lower({{ order_mode }}), 'spot')
        when 'spot' then 'spot'
        when 'iso_margin' then 'isolated_margin'
        else lower({{ order_mode }})
    end
{%- endmacro %}

{# The wallet of a row of the futures ledger or of a futures fill. Older rows do not state it. #}
{% macro bitmart_futures_wallet(account='account') -%}
    case
        when coalesce({{ account }}, 'futures') = 'futures' then 'futures'
        else 'futures_' || {{ account }}
    end
{%- endmacro %}
