with fills as (

    select * from {{ ref('base_bitget__spot_fills') }}

),

pairs as (

    select * from {{ ref('int_bitget__ledger_pairs') }}

),

unified_pairs_executed as (

    select * from {{ ref('int_bitget__unified_pairs_executed') }}

),

spot_pairs as (

    select * from {{ ref('int_bitget__spot_pairs') }}

),

fills_with_coins as (

    select
        fills.*,
        spot_pairs.base_coin,
        spot_pairs.quote_coin
    from fills
    left join spot_pairs on fills.symbol = spot_pairs.symbol

),

from_fills as (

    select
        -- keys
        {{ canonical_id('spot_fills') }} as trade_id,
        account_id,
        'bitget' as exchange,
        'spot_fills' as stream,
        record_id,
        order_id,

        -- what
        'spot' as wallet,
        symbol as market,
        'spot' as product_type,
        cast(null as varchar) as contract_type,
        lower(side) as side,
        base_coin as base_asset,
        quote_coin as quote_asset,
        cast(null as varchar) as settle_asset,
        case lower(trade_scope) when 'maker' then true when 'taker' then false end as is_maker,
        false as is_forced,
        order_type as exchange_type,

        -- how much
        size as base_quantity,
        amount as quote_quantity,
        cast(null as decimal(38, 18)) as contract_quantity,
        amount as value_amount,
        price_avg as price,
        cast(null as varchar) as price_reason,
        {{ known_or_zero(bitget_fee(
            '-fee_total', 'fee_coin', ['base_coin', 'quote_coin'], 'is_fee_deducted'
        )) }} as fee_amount,
        fee_coin as fee_asset,

        -- when
        coalesce(filled_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from fills_with_coins

),

-- Trades known only from the ledger: fills reach back 90 days, the ledger further.
unexplained_pairs as (

    select * from pairs
    anti join unified_pairs_executed using (account_id, record_id)
    where kind = 'trade' and not is_explained_by_fill

),

-- The ledger's labels give the coin received, not the side of the order; the pair's name gives it.
with_markets as (

    select
        unexplained_pairs.*,
        coalesce(bought.symbol, sold.symbol) as symbol,
        case
            when bought.symbol is not null then 'buy'
            when sold.symbol is not null then 'sell'
            -- A delisted pair: the coin paid most often decides.
            when received_rank < coalesce(paid_rank, 99) then 'sell'
            else 'buy'
        end as side
    from (
        select
            *,
            list_position({{ bitget_quote_coins() }}, received_coin) as received_rank,
            list_position({{ bitget_quote_coins() }}, paid_coin) as paid_rank
        from unexplained_pairs
    ) as unexplained_pairs
    left join spot_pairs as bought
        on
            unexplained_pairs.received_coin = bought.base_coin
            and unexplained_pairs.paid_coin = bought.quote_coin
    left join spot_pairs as sold
        on
            unexplained_pairs.paid_coin = sold.base_coin
            and unexplained_pairs.received_coin = sold.quote_coin

),

from_ledger as (

    select
        -- keys
        {{ canonical_id_by_stream() }} as trade_id,
        account_id,
        'bitget' as exchange,
        stream,
        record_id,
        case when event_key not like 'ms:%' then event_key end as order_id,

        -- what
        case when stream = 'unified_tax_records' then 'unified' else 'spot' end as wallet,
        coalesce(
            symbol,
            case when side = 'buy' then received_coin || paid_coin else paid_coin || received_coin end
        ) as market,
        'spot' as product_type,
        cast(null as varchar) as contract_type,
        side,
        case when side = 'buy' then received_coin else paid_coin end as base_asset,
        case when side = 'buy' then paid_coin else received_coin end as quote_asset,
        cast(null as varchar) as settle_asset,
        cast(null as boolean) as is_maker,
        false as is_forced,
        cast(null as varchar) as exchange_type,

        -- how much
        case when side = 'buy' then received_quantity else paid_quantity end as base_quantity,
        case when side = 'buy' then paid_quantity else received_quantity end as quote_quantity,
        cast(null as decimal(38, 18)) as contract_quantity,
        case when side = 'buy' then paid_quantity else received_quantity end as value_amount,
        cast(null as decimal(38, 18)) as price,
        'ledger_only' as price_reason,
        fee_quantity as fee_amount,
        fee_coin as fee_asset,

        -- when
        occurred_at as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from with_markets

),

united as (

    select * from from_fills

    union all by name

    select * from from_ledger

    union all by name

    select * from {{ ref('int_bitget__unified_trades') }}

    union all by name

    select * from {{ ref('int_bitget__futures_trades') }}

)

select * from united
