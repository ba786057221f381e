-- One coin is listed once for each of its networks: USDT-TRC20, USDT-ERC20.
with currencies as (

    select * from {{ ref('base_bitmart__currencies') }}

),

renamed as (

    select
        'bitmart' as exchange,
        {{ bitmart_coin('currency') }} as exchange_asset,
        {{ bitmart_coin('currency') }} as major_code,
        cast(null as integer) as unit_scale,
        max(currency_name) filter (where not contains(currency, '-')) as asset_name,
        'exchange' as evidence
    from currencies
    group by {{ bitmart_coin('currency') }}

)

select * from renamed
