{# Coins that pairs are quoted in, the most common first: of two, the first one is the quote. #}
{% macro bitget_quote_coins() -%}
    {{ return(['USDT', 'USDC', 'USDE', 'USD', 'EUR', 'BRL', 'TRY', 'BTC', 'ETH', 'BGB']) }}
{%- endmacro %}

{# The symbol of a spot pair without the ending that the first version of the API gave it. #}
{% macro bitget_pair_symbol(symbol) -%}
    regexp_replace({{ symbol }}, '_SPBL$', '')
{%- endmacro %}

{#
    Base (1) or quote (2) coin by the name of a spot pair alone: the whole name, with a known quote
    coin at its end. Null where it is not such a name.
#}
{% macro bitget_coin_by_name(symbol, place) -%}
    nullif(regexp_extract(
        {{ bitget_pair_symbol(symbol) }}, '^(.+?)({{ bitget_quote_coins() | join("|") }})$', {{ place }}
    ), '')
{%- endmacro %}

{#
    Part of a contract's name: base coin (1), quote word (2), month of delivery (3). Dated contracts
    end in a month code, those of the first version of the API in a product and a day. Null where
    the name is none of these.
#}
{% macro bitget_contract_part(symbol, place) -%}
    nullif(regexp_extract(
        {{ symbol }},
        '^(.+?)(USDT|USDC|PERP|USD)([FGHJKMNQUVXZ][0-9]{2}|(?:_[A-Z]+)?_[0-9]{6})?(?:_[A-Z]+)?$',
        {{ place }}
    ), '')
{%- endmacro %}

{# perpetual or future: as the contract's record says, else by its name. #}
{% macro bitget_contract_type(symbol_type, symbol) -%}
    case
        when {{ symbol_type }} = 'perpetual' then 'perpetual'
        when {{ symbol_type }} = 'delivery' then 'future'
        when {{ symbol_type }} is not null then null
        when {{ bitget_contract_part(symbol, 3) }} is not null then 'future'
        when {{ bitget_contract_part(symbol, 1) }} is not null then 'perpetual'
    end
{%- endmacro %}

{#
    What a trade cost, positive where it was paid. `charged` has the sign of its list turned so that
    a charge is positive. That sign is that of fees in the coins of the trade: a fee that is deducted
    in a third coin (BGB) is always paid, and is written with either sign.
#}
{% macro bitget_fee(charged, fee_coin, coins, is_deducted='false') -%}
    case
        when {{ is_deducted }} or {{ fee_coin }} not in ({{ coins | join(', ') }}) then abs({{ charged }})
        else {{ charged }}
    end
{%- endmacro %}

{# The label of a ledger's row: its type, or where Bitget leaves that empty the group of types. #}
{% macro bitget_label(type, group_type) -%}
    coalesce(nullif(trim({{ type }}), ''), {{ group_type }})
{%- endmacro %}

{# The wallet of a futures product. Where the receipt of a row is unknown, its coin decides. #}
{% macro bitget_futures_wallet(product='product', coin='coin') -%}
    case upper({{ product }})
        when 'USDT-FUTURES' then 'usdt_futures'
        when 'USDC-FUTURES' then 'usdc_futures'
        when 'COIN-FUTURES' then 'coin_futures'
        else case {{ coin }}
            when 'USDT' then 'usdt_futures' when 'USDC' then 'usdc_futures' else 'coin_futures'
        end
    end
{%- endmacro %}

{#
    The canonical columns of a record that names both accounts of a move: `records`, joined with the
    known accounts as `senders` and `receivers`. One that has no key here is its counterparty, and
    its end stays empty.
#}
{% macro bitget_both_ends(stream, from_wallet, to_wallet, amount, moved_at) -%}
    {%- set status = bitget_transfer_status('records.status') -%}
    -- keys
    {{ canonical_id(stream, 'records.record_id', 'records.account_id') }}
        as transfer_id,
    records.account_id,
    'bitget' as exchange,
    '{{ stream }}' as stream,
    records.record_id,

    -- from where to where
    senders.account_id as from_account_id,
    case when senders.account_id is not null then {{ from_wallet }} end as from_wallet,
    receivers.account_id as to_account_id,
    case when receivers.account_id is not null then {{ to_wallet }} end as to_wallet,
    case
        when senders.account_id is null then records.from_user_id
        when receivers.account_id is null then records.to_user_id
    end as counterparty,

    -- what
    records.coin as asset,
    records.coin as exchange_asset,
    'exchange_record' as method,
    case
        when senders.account_id is null or receivers.account_id is null then 'one_sided'
        else 'certain'
    end as confidence,
    cast(null as varchar) as note,
    {{ status }} as status,
    records.status as exchange_status,

    -- how much
    case when senders.account_id is not null then {{ amount }} end as amount_sent,
    case when receivers.account_id is not null then {{ amount }} end as amount_received,

    -- when
    case
        when
            senders.account_id is not null
            or {{ status }} <> 'completed'
            then coalesce({{ moved_at }}, records.occurred_at)
    end as sent_at,
    case
        when
            receivers.account_id is not null
            and {{ status }} = 'completed'
            then coalesce({{ moved_at }}, records.occurred_at)
    end as received_at,

    -- where it came from
    records.origin,
    records.receipt_id,
    records.loaded_at
{%- endmacro %}

{#
    The canonical columns of a ledger row of a transfer without a record of it. The other end is known
    only if the label states it.
#}
{% macro bitget_one_end(
    transfer_id, wallet='wallet', other_wallet='other_wallet', asset='coin', label='label', moved_at='moved_at'
) -%}
    -- keys
    {{ transfer_id }} as transfer_id,
    account_id,
    'bitget' as exchange,
    stream,
    record_id,

    -- from where to where
    case when amount < 0 or {{ other_wallet }} is not null then account_id end as from_account_id,
    case when amount < 0 then {{ wallet }} else {{ other_wallet }} end as from_wallet,
    case when amount > 0 or {{ other_wallet }} is not null then account_id end as to_account_id,
    case when amount > 0 then {{ wallet }} else {{ other_wallet }} end as to_wallet,
    cast(null as varchar) as counterparty,

    -- what
    {{ asset }} as asset,
    {{ asset }} as exchange_asset,
    'ledger_leg' as method,
    'one_sided' as confidence,
    {{ label }} as note,
    'completed' as status,
    cast(null as varchar) as exchange_status,

    -- how much
    case when amount < 0 then -amount end as amount_sent,
    case when amount > 0 then amount end as amount_received,

    -- when
    case when amount < 0 then {{ moved_at }} end as sent_at,
    case when amount > 0 then {{ moved_at }} end as received_at,

    -- where it came from
    origin,
    receipt_id,
    loaded_at
{%- endmacro %}

{#
    The canonical columns of `named`: movements of a wallet, but a classic account's spot, with the
    label's `entry_type`, and `amount` and `fee_amount` as the ledger's own signs make them.
#}
{% macro bitget_entry_columns() -%}
    -- keys
    named.ledger_entry_id,
    named.account_id,
    'bitget' as exchange,
    named.stream,
    named.record_id,
    cast(null as varchar) as event_id,

    -- what
    named.wallet,
    named.coin as asset,
    named.coin as exchange_asset,
    coalesce(named.entry_type, 'unclassified') as entry_type,
    named.label as exchange_entry_type,
    named.symbol as market,
    cast(null as varchar) as note,
    cast(null as varchar) as accounting_regime,
    'completed' as status,
    cast(null as varchar) as exchange_status,

    -- how much
    named.amount,
    named.fee_amount,
    named.balance as balance_after,

    -- when
    named.occurred_at,

    -- where it came from
    named.origin,
    named.receipt_id,
    named.loaded_at
{%- endmacro %}

{% macro bitget_transaction_status(word='status') -%}
    {{ status_of(word, {
        'pending': ['pending'], 'completed': ['success'], 'failed': ['fail'],
    }) }}
{%- endmacro %}

{% macro bitget_transfer_status(word='status') -%}
    {{ status_of(word, {
        'pending': ['processing'], 'completed': ['successful'], 'failed': ['failed'],
    }) }}
{%- endmacro %}
