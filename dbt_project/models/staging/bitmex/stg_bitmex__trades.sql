with executions as (

    select * from {{ ref('base_bitmex__trade_history') }}

),

instruments as (

    select * from {{ ref('base_bitmex__instruments') }}

),

facts as (

    select * from {{ ref('contract_facts') }}
    where exchange = 'bitmex'

),

assets as (

    select * from {{ ref('int_assets_unioned') }}
    where exchange = 'bitmex'

),

-- One minor unit for each whole coin: XBT is counted in XBt.
coins as (

    select
        major_code,
        min(asset) as asset,
        min(exchange_asset) as minor_code,
        min(unit_scale) as unit_scale
    from assets
    group by major_code

),

untold_swaps as (

    select * from {{ ref('int_bitmex__swaps_paired') }}
    where transact_type = 'SpotTrade' and not has_execution

),

-- Funding and settlements move the balance without a trade; the other types are order reports. A
-- fill without a side stays: rows without one are counted among the trades of all exchanges.
fills as (

    select * from executions
    where
        last_qty > 0
        and coalesce(exec_type, '') not in (
            'Funding', 'Settlement', 'New', 'Canceled', 'CancelReject', 'Replaced', 'Rejected',
            'AmendReject', 'Suspended', 'Released', 'Insurance', 'Rebalance', 'TrialFill',
            'TriggeredOrActivatedBySystem'
        )

),

-- What was traded: a symbol, as its own executions settle it.
traded as (

    select distinct
        symbol,
        currency,
        settl_currency
    from fills

),

-- Symbols were reused: a contract of that name, in the list or among the facts, speaks for an
-- execution only when it settles in the same currency. After them comes the name itself.
terms as (

    select
        traded.symbol,
        traded.currency,
        traded.settl_currency,
        instruments.typ,
        facts.contract_type as known_type,
        coalesce(
            instruments.typ = 'IFXXXP',
            {{ bitmex_is_spot_name('traded.symbol', 'traded.currency') }}
        ) as is_spot,
        coalesce(traded.currency, instruments.quote_currency, facts.quote) as quote_currency,
        coalesce(instruments.multiplier, cast(facts.multiplier as decimal(38, 18))) as multiplier,
        coalesce(
            instruments.underlying,
            nullif(facts.underlying, ''),
            case
                when {{ bitmex_is_spot_name('traded.symbol', 'traded.currency') }}
                    then split_part(traded.symbol, '_', 1)
            end,
            {{ bitmex_underlying_by_name('traded.symbol', 'traded.currency') }}
        ) as underlying
    from traded
    left join instruments
        on
            traded.symbol = instruments.symbol
            and (
                instruments.typ = 'IFXXXP'
                or traded.settl_currency is not distinct from instruments.settl_currency
            )
    left join facts
        on
            regexp_full_match(traded.symbol, facts.symbol_pattern)
            and traded.settl_currency = facts.settle
            and coalesce(traded.currency, facts.quote) = facts.quote

),

with_terms as (

    select
        fills.*,
        terms.typ,
        terms.known_type,
        terms.is_spot,
        terms.underlying,
        terms.quote_currency,
        terms.multiplier
    from fills
    left join terms
        on
            fills.symbol is not distinct from terms.symbol
            and fills.currency is not distinct from terms.currency
            and fills.settl_currency is not distinct from terms.settl_currency

),

with_coins as (

    select
        with_terms.*,
        coalesce(base.asset, upper(with_terms.underlying)) as base_asset,
        coalesce(quote.asset, upper(with_terms.quote_currency)) as quote_asset,
        base.unit_scale as base_scale,
        quote.unit_scale as quote_scale,
        settle.asset as settle_asset,
        -- Spot rows may leave the currency out: their cost is in the quote coin.
        coalesce(settle.unit_scale, case when with_terms.is_spot then quote.unit_scale end)
            as settle_scale,
        coalesce(fee_coin.asset, settle.asset, case when with_terms.is_spot then quote.asset end)
            as fee_asset,
        coalesce(
            fee_coin.unit_scale, settle.unit_scale,
            case when with_terms.is_spot then quote.unit_scale end
        ) as fee_scale
    from with_terms
    left join coins as base on with_terms.underlying = base.major_code
    left join coins as quote on with_terms.quote_currency = quote.major_code
    left join assets as settle on with_terms.settl_currency = settle.exchange_asset
    left join assets as fee_coin on with_terms.exec_comm_ccy = fee_coin.exchange_asset

),

of_kinds as (

    select
        *,
        case
            when is_spot then 'spot'
            when typ in ('OCECCS', 'OPECCS') or (typ is null and known_type = 'option')
                then 'option'
            when base_asset is null or quote_asset is null or settle_asset is null or side is null
                then 'unclassified'
            when settle_asset = quote_asset then 'linear'
            -- The cost of an inverse contract has the other sign: a purchase is negative.
            when
                settle_asset = base_asset
                and (coalesce(exec_cost_minor, 0) = 0 or (lower(side) = 'buy') = (exec_cost_minor < 0))
                then 'inverse'
            else 'quanto'
        end as product_type,
        case
            when is_spot then null
            when typ in ('FFWCSX', 'FFWCSF', 'FFSCSX') then 'perpetual'
            when typ in ('OCECCS', 'OPECCS') then 'option'
            when typ is not null then 'future'
            when known_type is not null then known_type
            when regexp_matches(symbol, '[FGHJKMNQUVXZ][0-9]{2}$') then 'future'
            when symbol = underlying || currency then 'perpetual'
        end as contract_type,
        {{ from_minor_units('abs(exec_cost_minor)', 'settle_scale') }} as value_amount
    from with_coins

),

from_executions as (

    select
        -- keys
        {{ canonical_id('trade_history') }} as trade_id,
        account_id,
        'bitmex' as exchange,
        'trade_history' as stream,
        record_id,
        {{ bitmex_id('order_id') }} as order_id,

        -- what
        'main' as wallet,
        symbol as market,
        product_type,
        contract_type,
        lower(side) as side,
        base_asset,
        quote_asset,
        settle_asset,
        case
            when last_liquidity_ind like 'Added%' then true
            when last_liquidity_ind like 'Removed%' then false
        end as is_maker,
        coalesce(exec_type in ('Liquidation', 'Bankruptcy') or note like 'Liquidation%', false)
            as is_forced,
        exec_type as exchange_type,

        -- How much, never through a notional (those carry binary noise). An inverse contract is
        -- one unit of the quote and its cost is in the base coin; a linear one is so much of the
        -- base coin and its cost is in the quote coin; a quanto one stands for neither.
        case product_type
            when 'spot' then {{ from_minor_units('last_qty', 'base_scale') }}
            when 'inverse' then value_amount
            when 'linear' then cast(last_qty as decimal(19, 0)) * contract_size
        end as base_quantity,
        case product_type
            when 'spot' then value_amount
            when 'inverse' then cast(last_qty as decimal(19, 0)) * contract_size
            when 'linear' then value_amount
        end as quote_quantity,
        case when product_type != 'spot' then last_qty end as contract_quantity,
        value_amount,
        last_px as price,
        cast(null as varchar) as price_reason,
        case
            when exec_comm_minor is not null or unreadable_amounts is not null
                then {{ from_minor_units('exec_comm_minor', 'fee_scale') }}
            else 0
        end as fee_amount,
        fee_asset,

        -- when
        coalesce(executed_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from (
        select
            *,
            case
                when {{ bitmex_cost_fits(
                    'exec_cost_minor', 'multiplier', 'last_qty', 'last_px', "product_type = 'inverse'"
                ) }}
                    then {{ from_minor_units('abs(multiplier)', 'settle_scale') }}
            end as contract_size
        from of_kinds
    )

),

from_ledger as (

    select
        -- keys
        {{ canonical_id('wallet_history', 'received_record_id') }} as trade_id,
        account_id,
        'bitmex' as exchange,
        'wallet_history' as stream,
        received_record_id as record_id,
        order_id,

        -- what: XBT_USDT names the base coin first
        'main' as wallet,
        address as market,
        'spot' as product_type,
        cast(null as varchar) as contract_type,
        case when received_is_base then 'buy' when paid_is_base then 'sell' end as side,
        case when received_is_base then received_asset else paid_asset end as base_asset,
        case when received_is_base then paid_asset else received_asset end as quote_asset,
        cast(null as varchar) as settle_asset,
        cast(null as boolean) as is_maker,
        false as is_forced,
        'SpotTrade' as exchange_type,

        -- how much
        case when received_is_base then received_amount else paid_amount end as base_quantity,
        case when received_is_base then paid_amount else received_amount end as quote_quantity,
        cast(null as decimal(38, 18)) as contract_quantity,
        case when received_is_base then paid_amount else received_amount end as value_amount,
        cast(null as decimal(38, 18)) as price,
        'ledger_only' as price_reason,
        cast(0 as decimal(38, 18)) as fee_amount,
        case when received_is_base then paid_asset else received_asset end as fee_asset,

        -- when
        swapped_at as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from (
        select
            untold_swaps.*,
            coalesce(coins.minor_code = untold_swaps.received_exchange_asset, false)
                as received_is_base,
            coalesce(coins.minor_code = untold_swaps.paid_exchange_asset, false) as paid_is_base
        from untold_swaps
        left join coins on split_part(untold_swaps.address, '_', 1) = coins.major_code
    )

),

united as (

    select * from from_executions

    union all by name

    select * from from_ledger

)

select * from united
