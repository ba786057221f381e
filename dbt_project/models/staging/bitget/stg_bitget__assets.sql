with coins as (

    select * from {{ ref('base_bitget__coins') }}

),

renamed as (

    select
        'bitget' as exchange,
        coin as exchange_asset,
        coin as major_code,
        cast(null as integer) as unit_scale,
        cast(null as varchar) as asset_name,
        'exchange' as evidence
    from coins

)

select * from renamed
