select
    {{ canonical_id('wallet_history', 'received_record_id') }} as conversion_id,
    account_id,
    'bitmex' as exchange,
    'wallet_history' as stream,
    received_record_id as record_id,
    paid_record_id,
    'main' as wallet,
    paid_asset as from_asset,
    paid_amount as from_amount,
    received_asset as to_asset,
    received_amount as to_amount,
    cast(null as decimal(38, 18)) as price,
    cast(null as decimal(38, 18)) as fee_amount,
    cast(null as varchar) as fee_asset,
    cast(null as varchar) as detail_stream,
    cast(null as varchar) as detail_record_id,
    swapped_at as converted_at,
    origin,
    receipt_id,
    loaded_at
from {{ ref('int_bitmex__swaps_paired') }}
where transact_type = 'Conversion'
