{#
    A field of `feeDetail`, which is an object on spot fills and a list of one elsewhere; '' and
    text that is no JSON have no fields.
#}
{% macro fee_detail(key) -%}
    coalesce(
        nullif(try_cast({{ text_field('feeDetail') }} as json) ->> '$.{{ key }}', ''),
        nullif(try_cast({{ text_field('feeDetail') }} as json) ->> '$[0].{{ key }}', '')
    )
{%- endmacro %}

{#
    Base and quote coin of a symbol without separator. The public list names them while the pair is
    listed; afterwards the symbol itself is all there is, and the quote coins are few.
#}
{% macro bitget_quote_coin(symbol) -%}
    regexp_extract({{ symbol }}, '^[A-Z0-9$]+?(USDT|USDC|USDE|BTC|ETH|EUR|BRL|TRY|BGB|USD)(_.*)?$', 1)
{%- endmacro %}

{# The wallet of a futures product. Where a row's asking is not known, its coin tells nearly as well. #}
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
