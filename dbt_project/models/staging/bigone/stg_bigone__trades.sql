{#- Derived from many tables and read by many tests: stored as a table. #}
{{ config(materialized='table') }}

with spot_trades as (

    select * from {{ ref('base_bigone__spot_trades') }}

),

contract_trades as (

    select * from {{ ref('base_bigone__contract_trades') }}

),

terms as (

    select * from {{ ref('base_bigone__contract_symbols') }}
    qualify row_number() over (partition by symbol order by record_id != symbol, record_id) = 1

),

-- The order id that a trade states is that of the account's side; with both, the account traded with itself.
spot_roles as (

    select
        *,
        maker_order_id is not null and taker_order_id is not null as is_self_trade,
        unnest(
            case
                when is_self_trade then ['taker', 'maker']
                when taker_order_id is not null then ['taker']
                when maker_order_id is not null then ['maker']
                else [null]
            end
        ) as own_role
    from spot_trades

),

spot_sides as (

    select
        *,
        case
            when own_role = 'taker' then case taker_side when 'BID' then 'buy' when 'ASK' then 'sell' end
            when own_role = 'maker' then case taker_side when 'BID' then 'sell' when 'ASK' then 'buy' end
            else case side when 'BID' then 'buy' when 'ASK' then 'sell' end
        end as own_side,
        {{ known_or_zero(
            "case own_role when 'taker' then taker_fee when 'maker' then maker_fee "
            ~ "else coalesce(taker_fee, maker_fee) end"
        ) }} as own_fee,
        {{ bigone_pair_coin('asset_pair_name', 1) }} as base_symbol,
        {{ bigone_pair_coin('asset_pair_name', 2) }} as quote_symbol
    from spot_roles

),

from_spot as (

    select
        -- keys
        {{ canonical_id('spot_trades', "record_id || case when is_self_trade then '/' || own_side else '' end") }}
            as trade_id,
        account_id,
        'bigone' as exchange,
        'spot_trades' as stream,
        record_id,
        case own_role when 'taker' then taker_order_id when 'maker' then maker_order_id end as order_id,

        -- what
        'spot' as wallet,
        coalesce(asset_pair_name, 'UNKNOWN') as market,
        'spot' as product_type,
        own_side as side,
        {{ bigone_asset('base_symbol') }} as base_asset,
        {{ bigone_asset('quote_symbol') }} as quote_asset,
        case own_role when 'maker' then true when 'taker' then false end as is_maker,
        false as is_forced,
        case when is_self_trade then 'SELF_TRADING' else side end as exchange_type,

        -- how much: BigONE states no total; it is the exact product
        amount as base_quantity,
        {{ exact_product('price', 'amount') }} as quote_quantity,
        {{ exact_product('price', 'amount') }} as value_amount,
        price,
        cast(null as varchar) as price_reason,
        -- BigONE states no currency of the fee: it is charged in the coin received.
        own_fee as fee_amount,
        case own_side
            when 'buy' then {{ bigone_asset('base_symbol') }}
            when 'sell' then {{ bigone_asset('quote_symbol') }}
        end as fee_asset,

        -- when
        coalesce(inserted_at, created_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from spot_sides
    -- Without a known side a row is not a trade: the ledger keeps it as unclassified.
    where own_side is not null

),

-- Funding is no trade. A row that names no coin is settled as its contract's terms say.
fills as (

    select
        contract_trades.* replace (
            coalesce(contract_trades.currency, terms.settle_currency) as currency
        ),
        terms.multiplier,
        terms.is_inverse,
        terms.base_currency as listed_base,
        terms.quote_currency as listed_quote
    from contract_trades
    left join terms on contract_trades.symbol = terms.symbol
    where contract_trades.side ilike '%BUY' or contract_trades.side ilike '%SELL'

),

-- A contract gone from the list still names its coins: BTCUSD paid in BTC is inverse.
fills_of_kinds as (

    select
        *,
        coalesce(listed_base, {{ bigone_contract_coin('symbol', 'currency', 1) }}) as base_currency,
        coalesce(listed_quote, {{ bigone_contract_coin('symbol', 'currency', 2) }})
            as quote_currency,
        case
            when currency is null or base_currency is null or quote_currency is null
                then 'unclassified'
            when currency = quote_currency and is_inverse is distinct from true then 'linear'
            when currency = base_currency and is_inverse is distinct from false then 'inverse'
            else 'quanto'
        end as product_type,
        {{ exact_product('abs(size)', 'multiplier') }} as size_in_units
    from fills

),

from_contracts as (

    select
        -- keys
        {{ canonical_id('contract_trades') }} as trade_id,
        account_id,
        'bigone' as exchange,
        'contract_trades' as stream,
        record_id,
        order_id,

        -- what
        'contract' as wallet,
        coalesce(symbol, 'UNKNOWN') as market,
        product_type,
        'perpetual' as contract_type,
        case when side ilike '%BUY' then 'buy' else 'sell' end as side,
        {{ bigone_asset('base_currency') }} as base_asset,
        {{ bigone_asset('quote_currency') }} as quote_asset,
        {{ bigone_asset('currency') }} as settle_asset,
        starts_with(upper(side), 'ADL') as is_forced,
        side as exchange_type,

        -- how much
        case product_type when 'inverse' then abs(notional) when 'linear' then size_in_units end
            as base_quantity,
        case product_type when 'inverse' then size_in_units when 'linear' then abs(notional) end
            as quote_quantity,
        abs(size) as contract_quantity,
        abs(notional) as value_amount,
        price,
        {{ known_or_zero('fee') }} as fee_amount,
        {{ bigone_asset('currency') }} as fee_asset,

        -- when
        coalesce(traded_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from fills_of_kinds

),

united as (

    select * from from_spot
    union all by name
    select * from from_contracts

)

select * from united
