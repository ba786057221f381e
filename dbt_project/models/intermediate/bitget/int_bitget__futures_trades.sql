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

-- The bill of a trade says what it closed. Where several of one moment disagree, none is asked.
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
        {{ bitget_futures_wallet('fills.product', 'coalesce(fills.margin_coin, fills.fee_coin)') }}
            as wallet,
        contracts.symbol_type,
        coalesce(
            contracts.base_coin,
            nullif(regexp_extract(fills.symbol, '^(.+?)(USDT|USDC|PERP|USD)', 1), '')
        ) as base_coin,
        coalesce(
            contracts.quote_coin,
            case upper(fills.product)
                when 'USDT-FUTURES' then 'USDT' when 'USDC-FUTURES' then 'USDC' else 'USD'
            end
        ) as quote_coin,
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
        wallet = 'coin_futures' as is_inverse
    from with_terms

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
        case when is_inverse then 'inverse' else 'linear' end as product_type,
        case symbol_type when 'perpetual' then 'perpetual' when 'delivery' then 'future' end
            as contract_type,
        executed_side as side,
        base_coin as base_asset,
        quote_coin as quote_asset,
        case
            when is_inverse then coalesce(margin_coin, case when not is_fee_deducted then fee_coin end, base_coin)
            else quote_coin
        end as settle_asset,
        case trade_scope when 'maker' then true when 'taker' then false end as is_maker,
        regexp_matches(trade_side, '^(burst|reduce|offset|dte_sys_adl)_') as is_forced,
        trade_side as exchange_type,

        -- how much: sizes are in the base coin, of inverse contracts too
        base_volume as base_quantity,
        quote_volume as quote_quantity,
        base_volume as contract_quantity,
        case when is_inverse then base_volume else quote_volume end as value_amount,
        price,
        cast(null as varchar) as price_reason,
        coalesce(-fee_total, 0) as fee_amount,
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
