with bigone_conversions as (

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
        coalesce(converted_at, occurred_at, asked_at) as converted_at,
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

),

bitget_conversions as (

    select * from {{ ref('int_bitget__conversions') }}

),

bitmex_swaps as (

    select * from {{ ref('int_bitmex__swaps_paired') }}
    where transact_type = 'Conversion'

),

conversions as (

    select * from bigone_conversions

    union all

    select
        {{ canonical_id_by_stream() }} as conversion_id,
        account_id,
        'bitget' as exchange,
        stream,
        record_id,
        paid_record_id,
        wallet,
        from_asset,
        from_amount,
        to_asset,
        to_amount,
        price,
        fee_amount,
        fee_asset,
        detail_stream,
        detail_record_id,
        converted_at,
        origin,
        receipt_id,
        loaded_at
    from bitget_conversions

    union all

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
    from bitmex_swaps

),

final as (

    select
        *,
        {{ utc_day('converted_at') }} as converted_on
    from conversions

)

select * from final
