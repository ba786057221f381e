with assets as (

    select * from {{ ref('base_bigone__assets') }}

),

renamed as (

    select
        'bigone' as exchange,
        symbol as exchange_asset,
        {{ bigone_asset('symbol') }} as major_code,
        cast(null as integer) as unit_scale,
        asset_name as asset_name,
        'exchange' as evidence
    from assets

)

select * from renamed
