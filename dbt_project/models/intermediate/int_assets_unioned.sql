with codes as (

    {{ union_exchanges('assets') }}

),

aliases as (

    select * from {{ ref('asset_aliases') }}

),

-- Codes are compared with their case: XBt (a minor unit) and XBT (the whole one) are two codes.
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
