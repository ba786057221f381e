with fills as (

    select * from {{ ref('base_binance__trades') }}

),

symbols as (

    select * from {{ ref('base_binance__symbols') }}

),

-- Coins in which pairs were quoted; the second list is of those that no listed pair has any more.
quotes as (

    select quote_asset from symbols

    union

    select unnest(['BUSD', 'TUSD', 'PAX', 'USDS', 'USDP', 'UST', 'AUD', 'GBP', 'RUB', 'BIDR', 'IDRT', 'VAI'])

),

-- A delisted pair still names its coins: the longest quote coin that its name ends with.
unlisted as (

    select
        fills.symbol,
        arg_max(quotes.quote_asset, length(quotes.quote_asset)) as quote_asset
    from (select distinct symbol from fills) as fills
    anti join symbols on fills.symbol = symbols.symbol
    inner join quotes
        on ends_with(fills.symbol, quotes.quote_asset) and length(fills.symbol) > length(quotes.quote_asset)
    group by fills.symbol

),

pairs as (

    select symbol, base_asset, quote_asset from symbols

    union all

    select symbol, left(symbol, length(symbol) - length(quote_asset)) as base_asset, quote_asset from unlisted

),

canonical as (

    select
        -- keys
        {{ canonical_id('trades', 'fills.record_id', 'fills.account_id') }} as trade_id,
        fills.account_id,
        'binance' as exchange,
        'trades' as stream,
        fills.record_id,
        fills.order_id,

        -- what
        'spot' as wallet,
        fills.symbol as market,
        'spot' as product_type,
        cast(null as varchar) as contract_type,
        case when fills.is_buyer then 'buy' else 'sell' end as side,
        pairs.base_asset,
        pairs.quote_asset,
        cast(null as varchar) as settle_asset,
        fills.is_maker,
        false as is_forced,
        cast(null as varchar) as exchange_type,

        -- how much
        fills.quantity as base_quantity,
        fills.quote_quantity,
        cast(null as decimal(38, 18)) as contract_quantity,
        fills.quote_quantity as value_amount,
        fills.price,
        cast(null as varchar) as price_reason,
        {{ known_or_zero('fills.commission', 'fills.unreadable_amounts') }} as fee_amount,
        fills.commission_asset as fee_asset,

        -- when
        fills.traded_at,

        -- where it came from
        fills.origin,
        fills.receipt_id,
        fills.loaded_at
    from fills
    left join pairs on fills.symbol = pairs.symbol
    -- Without a known side a row is not a trade: the ledger keeps it as unclassified.
    where fills.is_buyer is not null

)

select * from canonical
