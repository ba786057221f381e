-- Executions of unified accounts as trades, in canonical columns.
with fills as (

    select * from {{ ref('base_bitget__unified_fills') }}

),

spot_pairs as (

    select * from {{ ref('int_bitget__spot_pairs') }}

),

contracts as (

    select * from {{ ref('base_bitget__mix_contracts') }}

),

since as (

    select * from {{ ref('int_bitget__unified_since') }}

),

counted as (

    select
        fills.*,
        fills.category in ('SPOT', 'MARGIN') as is_spot,
        fills.category = 'COIN-FUTURES' as is_inverse,
        lower(fills.trade_side) as trade_side_key,
        contracts.symbol_type,
        spot_pairs.base_coin as pair_base,
        spot_pairs.quote_coin as pair_quote,
        coalesce(contracts.base_coin, {{ bitget_contract_part('fills.symbol', 1) }})
            as contract_base,
        coalesce(
            contracts.quote_coin,
            case fills.category
                when 'USDT-FUTURES' then 'USDT'
                when 'USDC-FUTURES' then 'USDC'
                when 'COIN-FUTURES' then 'USD'
            end
        ) as contract_quote
    from fills
    left join spot_pairs on fills.symbol = spot_pairs.symbol
    left join contracts
        on fills.symbol = contracts.symbol and fills.category = contracts.product
    left join since on fills.account_id = since.account_id
    where coalesce(fills.created_at, fills.occurred_at) >= coalesce(since.counts_from, '-infinity')

),

with_coins as (

    select
        *,
        case when is_spot then pair_base else contract_base end as base_coin,
        case when is_spot then pair_quote else contract_quote end as quote_coin
    from counted

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
            when is_inverse and base_coin is not null then 'inverse'
            when category in ('USDT-FUTURES', 'USDC-FUTURES') then 'linear'
            else 'unclassified'
        end as product_type,
        case when not is_spot then {{ bitget_contract_type('symbol_type', 'symbol') }} end
            as contract_type,
        -- The side of the trade itself, in hedge mode too; the position's is `posSide`.
        lower(side) as side,
        base_coin as base_asset,
        quote_coin as quote_asset,
        case
            when is_inverse then base_coin
            when not is_spot then quote_coin
        end as settle_asset,
        case lower(trade_scope) when 'maker' then true when 'taker' then false end as is_maker,
        coalesce(regexp_matches(trade_side_key, '^(force|burst|reduce|offset|adl|dte_sys_adl)_'), false)
            as is_forced,
        coalesce(nullif(trade_side, ''), order_type) as exchange_type,

        -- how much: `execQty` is base and `execValue` quote, of inverse contracts too
        exec_qty as base_quantity,
        exec_value as quote_quantity,
        case when not is_spot then exec_qty end as contract_quantity,
        case
            when is_inverse then exec_qty
            when is_spot or category in ('USDT-FUTURES', 'USDC-FUTURES') then exec_value
        end as value_amount,
        exec_price as price,
        cast(null as varchar) as price_reason,
        -- Positive is charged here, and negative in v2.
        {{ known_or_zero(bitget_fee('fee_total', 'fee_coin', ['base_coin', 'quote_coin'])) }}
            as fee_amount,
        fee_coin as fee_asset,

        -- when
        coalesce(created_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from with_coins

)

select * from canonical
