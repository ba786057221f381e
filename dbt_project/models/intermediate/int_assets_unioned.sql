with bigone_assets as (

    select * from {{ ref('base_bigone__assets') }}

),

bitget_coins as (

    select * from {{ ref('base_bitget__coins') }}

),

bitmart_currencies as (

    select * from {{ ref('base_bitmart__currencies') }}

),

bitmex_assets as (

    select * from {{ ref('base_bitmex__wallet_assets') }}

),

bitmex_scales as (

    select * from {{ ref('bitmex_asset_scales') }}

),

aliases as (

    select * from {{ ref('asset_aliases') }}

),

-- Codes are compared with their case: BitMEX's XBt (minor) and XBT (major) are two codes.
codes as (

    select
        'bigone' as exchange,
        symbol as exchange_asset,
        {{ bigone_asset('symbol') }} as major_code,
        cast(null as integer) as unit_scale,
        asset_name,
        'exchange' as evidence
    from bigone_assets

    union all

    select
        'bitget' as exchange,
        coin as exchange_asset,
        coin as major_code,
        cast(null as integer) as unit_scale,
        cast(null as varchar) as asset_name,
        'exchange' as evidence
    from bitget_coins

    union all

    -- One coin is listed once for each of its networks: USDT-TRC20, USDT-ERC20.
    select
        'bitmart' as exchange,
        {{ bitmart_coin('currency') }} as exchange_asset,
        {{ bitmart_coin('currency') }} as major_code,
        cast(null as integer) as unit_scale,
        max(currency_name) filter (where not contains(currency, '-')) as asset_name,
        'exchange' as evidence
    from bitmart_currencies
    group by {{ bitmart_coin('currency') }}

    union all

    select
        'bitmex' as exchange,
        bitmex_assets.currency as exchange_asset,
        coalesce(bitmex_assets.major_currency, bitmex_scales.major_currency) as major_code,
        coalesce(bitmex_assets.unit_scale, bitmex_scales.scale) as unit_scale,
        bitmex_assets.asset_name,
        'exchange' as evidence
    from bitmex_assets
    left join bitmex_scales on bitmex_assets.currency = bitmex_scales.currency

    union all

    -- Delisted coins leave the exchange's list; their history needs the unit all the same.
    select
        'bitmex' as exchange,
        bitmex_scales.currency as exchange_asset,
        bitmex_scales.major_currency as major_code,
        bitmex_scales.scale as unit_scale,
        cast(null as varchar) as asset_name,
        'seed' as evidence
    from bitmex_scales
    where bitmex_scales.currency not in (
        select bitmex_assets.currency from bitmex_assets where bitmex_assets.currency is not null
    )

),

named as (

    select
        codes.exchange,
        codes.exchange_asset,
        coalesce(aliases.asset, upper(codes.major_code), upper(codes.exchange_asset)) as asset,
        codes.major_code,
        codes.unit_scale,
        codes.asset_name,
        codes.evidence
    from codes
    left join aliases on codes.major_code = aliases.exchange_asset

)

select * from named
