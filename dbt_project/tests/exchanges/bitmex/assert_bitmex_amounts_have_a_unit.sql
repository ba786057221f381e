{{ config(severity='warn') }}

-- Every amount in minor units has become one in whole units. Where not, the currency is in
-- neither BitMEX's list nor seeds/bitmex_asset_scales.csv, or the number exceeds what is held: the
-- row is kept outside the sums, as one that names no currency at all. A warning, as one record must
-- not stop the rows of all accounts.
with transactions as (

    select * from {{ ref('int_bitmex__transactions') }}

),

trades as (

    select * from {{ ref('base_bitmex__trade_history') }}

),

assets as (

    select * from {{ ref('int_assets_unioned') }}
    where exchange = 'bitmex' and unit_scale between 0 and 18

),

without_unit as (

    select exchange_asset || ' ' || amount_minor as what
    from transactions
    where amount is null and amount_minor is not null and exchange_asset is not null

    union all

    select trades.settl_currency || ' ' || trades.exec_cost_minor as what
    from trades
    anti join assets on trades.settl_currency = assets.exchange_asset
    where trades.settl_currency is not null

)

select what from without_unit
