select
    concat(account_id, '/', stream, '/', record_id, leg) as conversion_id,
    account_id,
    'binance' as exchange,
    stream,
    record_id,
    record_id as paid_record_id,
    wallet,
    from_asset,
    from_amount,
    to_asset,
    to_amount,
    cast(null as decimal(38, 18)) as price,
    fee_amount,
    fee_asset,
    cast(null as varchar) as detail_stream,
    cast(null as varchar) as detail_record_id,
    converted_at,
    origin,
    receipt_id,
    loaded_at
from {{ ref('int_binance__swaps') }}
where
    status = 'completed'
    -- One that lacks a coin, an amount or its time is in the ledger, or among the unreadable rows.
    and from_asset is not null
    and to_asset is not null
    and from_amount is not null
    and to_amount is not null
    and converted_at is not null
