select
    -- keys
    {{ canonical_id('transfers') }} as transfer_id,
    account_id,
    'binance' as exchange,
    'transfers' as stream,
    record_id,

    -- from where to where
    account_id as from_account_id,
    {{ binance_transfer_wallet(1) }} as from_wallet,
    account_id as to_account_id,
    {{ binance_transfer_wallet(2) }} as to_wallet,
    cast(null as varchar) as counterparty,

    -- what
    asset,
    asset as exchange_asset,
    'exchange_record' as method,
    case when {{ binance_transfer_wallet(1) }} is null then 'one_sided' else 'certain' end as confidence,
    transfer_type as note,
    case
        when {{ binance_transfer_wallet(1) }} is null then 'unclassified'
        else {{ binance_transfer_status() }}
    end as status,
    status as exchange_status,

    -- how much
    amount as amount_sent,
    amount as amount_received,

    -- when
    moved_at as sent_at,
    moved_at as received_at,

    -- where it came from
    origin,
    receipt_id,
    loaded_at
from {{ ref('base_binance__transfers') }}
