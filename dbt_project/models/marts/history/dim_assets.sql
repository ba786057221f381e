with listed as (

    select * from {{ ref('int_assets_unioned') }}

),

ledger_entries as (

    select * from {{ ref('fct_ledger_entries') }}

),

trades as (

    select * from {{ ref('fct_trades') }}

),

deposits as (

    select * from {{ ref('fct_deposits') }}

),

withdrawals as (

    select * from {{ ref('fct_withdrawals') }}

),

transfers as (

    select * from {{ ref('fct_transfers') }}

),

-- Coins that are no longer in a list, such as delisted ones, come from the facts.
met as (

    select distinct asset, exchange, exchange_asset from ledger_entries
    union
    select distinct asset, exchange, exchange_asset from deposits
    union
    select distinct asset, exchange, exchange_asset from withdrawals
    union
    select distinct asset, exchange, exchange_asset from transfers
    union
    select distinct unnest([base_asset, quote_asset, settle_asset, fee_asset]), exchange, null
    from trades

),

codes as (

    select
        asset,
        exchange,
        exchange_asset,
        asset_name,
        true as is_listed,
        false as is_met
    from listed
    where evidence = 'exchange'

    union all

    select
        asset,
        exchange,
        exchange_asset,
        cast(null as varchar) as asset_name,
        false as is_listed,
        true as is_met
    from met
    where asset is not null

),

assets as (

    select
        asset,
        max(asset_name) as asset_name,
        array_to_string(list_sort(list_distinct(
            list(exchange || ':' || exchange_asset) filter (where exchange_asset is not null)
        )), ', ') as exchange_assets,
        bool_or(is_listed) as is_listed,
        bool_or(is_met) as is_met
    from codes
    group by asset

)

select * from assets
