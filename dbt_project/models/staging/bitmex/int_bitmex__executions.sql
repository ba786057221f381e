-- Executions with what was traded: the coins, the kind of product, and the size of one contract.
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

final as (

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

select * from final
