with assets as (

    select * from {{ ref('base_bitmex__wallet_assets') }}

),

scales as (

    select * from {{ ref('bitmex_asset_scales') }}

),

listed as (

    select
        'bitmex' as exchange,
        assets.currency as exchange_asset,
        coalesce(assets.major_currency, scales.major_currency) as major_code,
        coalesce(assets.unit_scale, scales.scale) as unit_scale,
        assets.asset_name,
        'exchange' as evidence
    from assets
    left join scales on assets.currency = scales.currency

),

-- Delisted coins leave the exchange's list; their history needs the unit all the same.
delisted as (

    select
        'bitmex' as exchange,
        scales.currency as exchange_asset,
        scales.major_currency as major_code,
        scales.scale as unit_scale,
        cast(null as varchar) as asset_name,
        'seed' as evidence
    from scales
    where scales.currency not in (
        select listed.exchange_asset from listed where listed.exchange_asset is not null
    )

),

final as (

    select * from listed
    union all
    select * from delisted

)

select * from final
