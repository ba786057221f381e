with assets as (

    select * from {{ ref('base_bigone__assets') }}

),

renamed as (

    select
        'bigone' as exchange,
        symbol as exchange_asset,
        {{ bigone_asset('symbol') }} as major_code,
        cast(null as integer) as unit_scale,
        asset_name,
        'exchange' as evidence
    from assets
    where symbol is not null
    qualify row_number() over (partition by symbol order by record_id != symbol, record_id) = 1

)

select * from renamed
