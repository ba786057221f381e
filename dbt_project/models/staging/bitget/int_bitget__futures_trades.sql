-- Executions of futures orders in canonical columns.
with fills as (

    select * from {{ ref('base_bitget__mix_fills') }}

),

contracts as (

    select * from {{ ref('base_bitget__mix_contracts') }}

),

bills as (

    select * from {{ ref('base_bitget__mix_bills') }}

),

-- The bill of a trade states what it closed. Where several of one moment disagree, none is used.
closings as (

    select
        account_id,
        product,
        symbol,
        billed_at,
        amount,
        min(case when lower(business_type) = 'close_long' then 'sell' else 'buy' end) as side
    from bills
    where lower(business_type) in ('close_long', 'close_short')
    group by account_id, product, symbol, billed_at, amount
    having count(distinct lower(business_type)) = 1

),

with_terms as (

    select
        fills.*,
        contracts.symbol_type,
        coalesce(contracts.base_coin, {{ bitget_contract_part('fills.symbol', 1) }}) as base_coin,
        contracts.quote_coin as listed_quote_coin,
        -- What it settles in, as its own row says; a fee that is deducted (in BGB) does not.
        coalesce(
            fills.margin_coin, case when not fills.is_fee_deducted then fills.fee_coin end
        ) as own_coin,
        case {{ bitget_contract_part('fills.symbol', 2) }}
            when 'PERP' then 'USDC' else {{ bitget_contract_part('fills.symbol', 2) }}
        end as named_quote_coin,
        closings.side as closing_side
    from fills
    left join contracts on fills.symbol = contracts.symbol and fills.product = contracts.product
    left join closings
        on
            fills.account_id = closings.account_id
            and fills.product = closings.product
            and fills.symbol = closings.symbol
            and fills.filled_at = closings.billed_at
            and fills.profit = closings.amount

),

-- The product it was asked by names the wallet. Where that is not known, its coins do: a contract on
-- USD settles in a coin, any other in what it is quoted in.
of_wallets as (

    select
        *,
        {{ bitget_futures_wallet(
            coin="coalesce(own_coin, nullif(named_quote_coin, 'USD'), base_coin)"
        ) }} as wallet,
        upper(product) in ('USDT-FUTURES', 'USDC-FUTURES', 'COIN-FUTURES')
        or coalesce(own_coin, named_quote_coin) is not null as is_known
    from with_terms

),

with_settlement as (

    select
        *,
        coalesce(
            listed_quote_coin,
            case wallet when 'usdt_futures' then 'USDT' when 'usdc_futures' then 'USDC' end,
            case when is_known then 'USD' end
        ) as quote_coin,
        case wallet
            when 'usdt_futures' then 'USDT'
            when 'usdc_futures' then 'USDC'
            else coalesce(own_coin, base_coin)
        end as settle_coin
    from of_wallets

),

-- In hedge mode `side` is the position's: a long is closed by a fill that says buy.
with_sides as (

    select
        *,
        case
            when trade_side like '%close_long' then 'sell'
            when trade_side like '%close_short' then 'buy'
            when trade_side = 'close' and pos_mode = 'hedge_mode'
                then coalesce(closing_side, case side when 'buy' then 'sell' else 'buy' end)
            else side
        end as executed_side,
        case
            when not is_known then 'unclassified'
            when wallet != 'coin_futures' then 'linear'
            when settle_coin = base_coin then 'inverse'
            when base_coin is not null then 'quanto'
            else 'unclassified'
        end as product_type
    from with_settlement

),

canonical as (

    select
        -- keys
        {{ canonical_id('mix_fills') }} as trade_id,
        account_id,
        'bitget' as exchange,
        'mix_fills' as stream,
        record_id,
        order_id,

        -- what
        wallet,
        symbol as market,
        product_type,
        {{ bitget_contract_type('symbol_type', 'symbol') }} as contract_type,
        executed_side as side,
        base_coin as base_asset,
        quote_coin as quote_asset,
        settle_coin as settle_asset,
        case trade_scope when 'maker' then true when 'taker' then false end as is_maker,
        regexp_matches(trade_side, '^(burst|reduce|offset|dte_sys_adl)_') as is_forced,
        trade_side as exchange_type,

        -- how much: sizes are in the base coin, of inverse contracts too
        base_volume as base_quantity,
        quote_volume as quote_quantity,
        base_volume as contract_quantity,
        case product_type when 'inverse' then base_volume when 'linear' then quote_volume end
            as value_amount,
        price,
        cast(null as varchar) as price_reason,
        {{ known_or_zero(bitget_fee(
            '-fee_total', 'fee_coin', ['base_coin', 'quote_coin', 'settle_coin'], 'is_fee_deducted'
        )) }} as fee_amount,
        fee_coin as fee_asset,

        -- when
        coalesce(filled_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from with_sides

)

select * from canonical
