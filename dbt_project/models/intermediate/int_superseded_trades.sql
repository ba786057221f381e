-- Trades that were told by the ledger alone until their execution arrived.
with bitget_pairs as (

    select * from {{ ref('int_bitget__ledger_pairs') }}
    where kind = 'trade' and is_explained_by_fill

),

bitmex_swaps as (

    select * from {{ ref('int_bitmex__swaps_paired') }}
    where is_told_by_execution

),

superseded as (

    select {{ canonical_id_by_stream() }} as trade_id
    from bitget_pairs

    union all

    select {{ canonical_id('unified_tax_records') }} as trade_id
    from {{ ref('int_bitget__unified_pairs_told') }}

    union all

    select {{ canonical_id('wallet_history', 'received_record_id') }} as trade_id
    from bitmex_swaps

)

select * from superseded
