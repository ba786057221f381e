{#- Derived from many tables and read by many tests: stored as a table. #}
{{ config(materialized='table') }}

select
    -- keys
    ledger_entry_id,
    account_id,
    'binance' as exchange,
    stream,
    record_id,
    event_id,

    -- what
    coalesce(wallet, 'spot') as wallet,
    asset,
    asset as exchange_asset,
    case status when 'completed' then entry_type else 'unclassified' end as entry_type,
    exchange_entry_type,
    market,
    cast(null as varchar) as note,
    cast(null as varchar) as accounting_regime,
    status,
    exchange_status,

    -- how much; no balance is shown with any row
    amount,
    cast(coalesce(fee_amount, 0) as decimal(38, 18)) as fee_amount,
    cast(null as decimal(38, 18)) as balance_after,

    -- when
    occurred_at,

    -- where it came from
    origin,
    receipt_id,
    loaded_at
from {{ ref('int_binance__movements') }}
where status in ('completed', 'unclassified')
