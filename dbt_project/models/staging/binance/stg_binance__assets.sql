select
    'binance' as exchange,
    coin as exchange_asset,
    coin as major_code,
    cast(null as integer) as unit_scale,
    any_value(coin_name) as asset_name,
    'exchange' as evidence
from {{ ref('base_binance__coins') }}
where coin is not null
group by coin
