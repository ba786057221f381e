{#- Derived from many tables and read by many tests: stored as a table. #}
{{ config(materialized='table') }}

with spot_fills as (

    select * from {{ ref('base_bitmart__spot_fills') }}

),

spot_symbols as (

    select * from {{ ref('base_bitmart__spot_symbols') }}

),

futures_fills as (

    select * from {{ ref('base_bitmart__futures_fills') }}

),

futures_orders as (

    select * from {{ ref('base_bitmart__futures_orders') }}

),

contracts as (

    select * from {{ ref('base_bitmart__contracts') }}

),

from_spot as (

    select
        -- keys
        {{ canonical_id('spot_fills', 'spot_fills.record_id', 'spot_fills.account_id') }}
            as trade_id,
        spot_fills.account_id,
        'bitmart' as exchange,
        'spot_fills' as stream,
        spot_fills.record_id,
        spot_fills.order_id,

        -- what: a delisted pair still names its coins
        {{ bitmart_spot_wallet('spot_fills.order_mode') }} as wallet,
        coalesce(spot_fills.symbol, 'UNKNOWN') as market,
        'spot' as product_type,
        cast(null as varchar) as contract_type,
        lower(spot_fills.side) as side,
        coalesce(spot_symbols.base_currency, {{ bitmart_pair_coin('spot_fills.symbol', 1) }})
            as base_asset,
        coalesce(spot_symbols.quote_currency, {{ bitmart_pair_coin('spot_fills.symbol', 2) }})
            as quote_asset,
        cast(null as varchar) as settle_asset,
        case lower(spot_fills.trade_role) when 'maker' then true when 'taker' then false end
            as is_maker,
        false as is_forced,
        spot_fills.order_type as exchange_type,

        -- how much
        spot_fills.size as base_quantity,
        spot_fills.notional as quote_quantity,
        cast(null as decimal(38, 18)) as contract_quantity,
        spot_fills.notional as value_amount,
        spot_fills.price,
        cast(null as varchar) as price_reason,
        {{ known_or_zero('spot_fills.fee', 'spot_fills.unreadable_amounts') }} as fee_amount,
        spot_fills.fee_coin as fee_asset,

        -- when
        coalesce(spot_fills.filled_at, spot_fills.occurred_at) as traded_at,

        -- where it came from
        spot_fills.origin,
        spot_fills.receipt_id,
        spot_fills.loaded_at
    from spot_fills
    left join spot_symbols on spot_fills.symbol = spot_symbols.symbol
    -- Without a known side a row is not a trade: the ledger keeps it as unclassified.
    where lower(spot_fills.side) in ('buy', 'sell')

),

-- A contract counts so much of its base coin. One that has left the list without having been
-- stored has no size, and its fills no quantity of either coin.
with_terms as (

    select
        futures_fills.*,
        futures_orders.order_type,
        contracts.contract_size,
        contracts.product_type as term,
        coalesce(
            contracts.base_currency,
            nullif(regexp_extract(futures_fills.symbol, '^(.+?)(USDT|USDC|USD)$', 1), '')
        ) as base_coin,
        coalesce(
            contracts.quote_currency,
            nullif(regexp_extract(futures_fills.symbol, '^(.+?)(USDT|USDC|USD)$', 2), '')
        ) as quote_coin
    from futures_fills
    left join futures_orders
        on
            futures_fills.account_id = futures_orders.account_id
            and futures_fills.order_id = futures_orders.order_id
    left join contracts on futures_fills.symbol = contracts.symbol
    where futures_fills.side in (1, 2, 3, 4)

),

of_kinds as (

    select
        *,
        case
            when quote_coin in ('USDT', 'USDC') then 'linear'
            when quote_coin = 'USD' then 'inverse'
            else 'unclassified'
        end as product_type,
        {{ exact_product('volume', 'contract_size') }} as quantity
    from with_terms

),

from_futures as (

    select
        -- keys
        {{ canonical_id('futures_fills') }} as trade_id,
        account_id,
        'bitmart' as exchange,
        'futures_fills' as stream,
        record_id,
        order_id,

        -- what
        {{ bitmart_futures_wallet() }} as wallet,
        coalesce(symbol, 'UNKNOWN') as market,
        product_type,
        case term when 1 then 'perpetual' when 2 then 'future' end as contract_type,
        case when side in (1, 2) then 'buy' when side in (3, 4) then 'sell' end as side,
        base_coin as base_asset,
        quote_coin as quote_asset,
        case product_type when 'linear' then quote_coin when 'inverse' then base_coin end
            as settle_asset,
        case lower(exec_type) when 'maker' then true when 'taker' then false end as is_maker,
        coalesce(order_type in ('liquidate', 'bankruptcy', 'adl'), false) as is_forced,
        coalesce(order_type, exec_type) as exchange_type,

        -- how much: what an inverse contract stands for is not documented
        case product_type when 'linear' then quantity end as base_quantity,
        case product_type when 'linear' then {{ exact_product('quantity', 'price') }} end
            as quote_quantity,
        volume as contract_quantity,
        case product_type when 'linear' then {{ exact_product('quantity', 'price') }} end
            as value_amount,
        price,
        cast(null as varchar) as price_reason,
        {{ known_or_zero('paid_fees') }} as fee_amount,
        case product_type when 'linear' then quote_coin when 'inverse' then base_coin end
            as fee_asset,

        -- when
        coalesce(filled_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from of_kinds

),

united as (

    select * from from_spot

    union all by name

    select * from from_futures

)

select * from united
