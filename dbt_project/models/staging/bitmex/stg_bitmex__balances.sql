with balances as (

    select * from {{ raw_table('bitmex', 'balances') }}

),

assets as (

    select * from {{ ref('stg_bitmex__assets') }}

),

typed as (

    select
        -- keys
        balances.account_id,
        'bitmex' as exchange,
        balances.stream,
        balances.record_id,
        balances.receipt_id,

        -- what
        balances.wallet,
        balances.asset as exchange_asset,

        -- how much
        {{ from_minor_units(
            minor_units(json_text('amount', 'balances.record')), 'assets.unit_scale'
        ) }} as amount,

        -- when and from where
        balances.taken_at,
        balances.origin
    from balances
    left join assets on balances.asset = assets.exchange_asset

)

select * from typed
