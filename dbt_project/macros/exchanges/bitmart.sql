{# The coin of a code that may carry its network: USDT-TRC20. #}
{% macro bitmart_coin(currency) -%}
    split_part({{ currency }}, '-', 1)
{%- endmacro %}

{# The same of a row that has to name one: UNKNOWN where it does not. #}
{% macro bitmart_coin_or_unknown(currency) -%}
    coalesce(nullif({{ bitmart_coin(currency) }}, ''), 'UNKNOWN')
{%- endmacro %}

{# The base (1) or quote (2) coin of a spot pair; neither where the name is no pair. #}
{% macro bitmart_pair_coin(pair, place) -%}
    case
        when regexp_full_match({{ pair }}, '[^_]+_[^_]+') then split_part({{ pair }}, '_', {{ place }})
    end
{%- endmacro %}

{# A row is no movement that can be added up unless it names its coin and its amount. #}
{% macro bitmart_status_if_whole(status, asset, amount) -%}
    case when {{ asset }} is null or {{ amount }} is null then 'unclassified' else {{ status }} end
{%- endmacro %}

{# Which way money went. Where the word is missing or new, the id that is set tells. #}
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

{# The wallet an order mode trades in; a new mode is a wallet of its own, and none of ours. #}
{% macro bitmart_spot_wallet(order_mode) -%}
    case coalesce(lower({{ order_mode }}), 'spot')
        when 'spot' then 'spot'
        when 'iso_margin' then 'isolated_margin'
        else lower({{ order_mode }})
    end
{%- endmacro %}

{# The wallet a row of the futures ledger or a futures fill belongs to. Older rows name none. #}
{% macro bitmart_futures_wallet(account='account') -%}
    case
        when coalesce({{ account }}, 'futures') = 'futures' then 'futures'
        else 'futures_' || {{ account }}
    end
{%- endmacro %}
