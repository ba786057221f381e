{# Our code of a coin. ONE is BigONE's own token here, and Harmony's everywhere else. #}
{% macro bigone_asset(code) -%}
    case upper({{ code }}) when 'ONE' then 'BIGONE' else upper({{ code }}) end
{%- endmacro %}

{# Whether a row has its coin and its amount, so that it can be summed. #}
{% macro bigone_status_if_whole(status, asset, amount) -%}
    case when {{ asset }} is null or {{ amount }} is null then 'unclassified' else {{ status }} end
{%- endmacro %}

{# Our code of a coin; UNKNOWN if the row has none. #}
{% macro bigone_asset_or_unknown(code) -%}
    coalesce({{ bigone_asset(code) }}, 'UNKNOWN')
{%- endmacro %}

{# The base (1) or quote (2) coin of a pair; neither where the name is no pair. #}
{% macro bigone_pair_coin(pair, place) -%}
    case
        when regexp_full_match({{ pair }}, '[^-]+-[^-]+') then split_part({{ pair }}, '-', {{ place }})
    end
{%- endmacro %}

{#
    Base (1) or quote (2) coin by a contract's name and the coin it settles in: the settling coin
    ends the name of a linear contract (BTCUSDT), and of an inverse one (BTCUSD) it begins the name,
    followed by a known quote. Null where the name is neither.
#}
{% macro bigone_contract_coin(symbol, currency, place) -%}
    case
        when ends_with({{ symbol }}, {{ currency }}) and length({{ symbol }}) > length({{ currency }})
            then {{ "left(" ~ symbol ~ ", length(" ~ symbol ~ ") - length(" ~ currency ~ "))"
                if place == 1 else currency }}
        when
            starts_with({{ symbol }}, {{ currency }})
            and substr({{ symbol }}, length({{ currency }}) + 1) in ('USD', 'USDT', 'USDC', 'EUR')
            then {{ currency if place == 1 else "substr(" ~ symbol ~ ", length(" ~ currency ~ ") + 1)" }}
    end
{%- endmacro %}

{# CONFIRMED is what old answers say for COMPLETED. #}
{% macro bigone_deposit_status(word='state') -%}
    {{ status_of(word, {
        'pending': ['pending', 'withhold'], 'completed': ['completed', 'confirmed'],
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

{# The kind of a deposit: from outside, or a reward of the exchange. #}
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
