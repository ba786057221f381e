-- Trades that were told by the ledger alone until their execution arrived.
with bitget_pairs as (

    select * from {{ ref('int_bitget__ledger_pairs') }}
    where kind = 'trade' and is_explained_by_fill

),

bitmex_swaps as (

    select * from {{ ref('int_bitmex__swaps_paired') }}
    where transact_type = 'SpotTrade'

),

bitmex_trades as (

    select * from {{ ref('stg_bitmex__trades') }}

),

superseded as (

    select {{ canonical_id('tax_spot_records') }} as trade_id
    from bitget_pairs

    union all

    select {{ canonical_id('wallet_history', 'received_record_id') }} as trade_id
    from bitmex_swaps
    anti join bitmex_trades
        on
            bitmex_swaps.account_id = bitmex_trades.account_id
            and bitmex_swaps.received_record_id = bitmex_trades.record_id

)

select * from superseded
