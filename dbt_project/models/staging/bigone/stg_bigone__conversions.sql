select
    {{ canonical_id('convert_trades') }} as conversion_id,
    account_id,
    'bigone' as exchange,
    'convert_trades' as stream,
    record_id,
    record_id as paid_record_id,
    coalesce(lower(account_type), 'spot') as wallet,
    {{ bigone_asset('from_asset') }} as from_asset,
    from_size as from_amount,
    {{ bigone_asset('to_asset') }} as to_asset,
    to_size as to_amount,
    cast(null as decimal(38, 18)) as price,
    cast(null as decimal(38, 18)) as fee_amount,
    cast(null as varchar) as fee_asset,
    cast(null as varchar) as detail_stream,
    cast(null as varchar) as detail_record_id,
    coalesce(converted_at, occurred_at) as converted_at,
    origin,
    receipt_id,
    loaded_at
from {{ ref('base_bigone__convert_trades') }}
where
    {{ bigone_conversion_status() }} = 'completed'
    -- One that lacks a coin or an amount is in the ledger, unclassified.
    and from_asset is not null
    and to_asset is not null
    and from_size is not null
    and to_size is not null
