-- Executions of unified accounts as trades, in canonical columns.
with fills as (

    select * from {{ ref('base_bitget__unified_fills') }}

),

symbols as (

    select * from {{ ref('base_bitget__symbols') }}

),

since as (

    select * from {{ ref('int_bitget__unified_since') }}

),

counted as (

    select
        fills.*,
        fills.category in ('SPOT', 'MARGIN') as is_spot,
        coalesce(
            symbols.quote_coin, nullif({{ bitget_quote_coin('fills.symbol') }}, '')
        ) as quote_coin,
        symbols.base_coin
    from fills
    left join symbols on fills.symbol = symbols.symbol
    left join since on fills.account_id = since.account_id
    where coalesce(fills.created_at, fills.occurred_at) >= coalesce(since.counts_from, '-infinity')

),

canonical as (

    select
        -- keys
        {{ canonical_id('unified_fills') }} as trade_id,
        account_id,
        'bitget' as exchange,
        'unified_fills' as stream,
        record_id,
        order_id,

        -- what
        'unified' as wallet,
        symbol as market,
        case
            when is_spot then 'spot'
            when category = 'COIN-FUTURES' then 'inverse'
            when category in ('USDT-FUTURES', 'USDC-FUTURES') then 'linear'
            else 'unclassified'
        end as product_type,
        cast(null as varchar) as contract_type,
        lower(side) as side,
        coalesce(
            base_coin, nullif(split_part(split_part(symbol, '_', 1), quote_coin, 1), '')
        ) as base_asset,
        quote_coin as quote_asset,
        case
            when category = 'USDT-FUTURES' then 'USDT'
            when category = 'USDC-FUTURES' then 'USDC'
            when category = 'COIN-FUTURES' then fee_coin
        end as settle_asset,
        case lower(trade_scope) when 'maker' then true when 'taker' then false end as is_maker,
        false as is_forced,
        order_type as exchange_type,

        -- how much: `execQty` is base and `execValue` quote
        exec_qty as base_quantity,
        exec_value as quote_quantity,
        case when not is_spot then exec_qty end as contract_quantity,
        exec_value as value_amount,
        exec_price as price,
        cast(null as varchar) as price_reason,
        -- Positive is charged here, and negative in v2.
        coalesce(fee_total, 0) as fee_amount,
        fee_coin as fee_asset,
        case when not is_spot then exec_pnl end as realised_pnl,

        -- when
        coalesce(created_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from counted

)

select * from canonical
