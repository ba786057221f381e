with balances as (

    {{ union_exchanges('balances') }}

),

assets as (

    select * from {{ ref('int_assets_unioned') }}

),

named as (

    select
        -- keys
        md5(concat_ws('|',
            balances.account_id, balances.stream, balances.wallet, balances.exchange_asset,
            epoch_us(balances.taken_at)
        )) as balance_id,
        balances.account_id,
        balances.exchange,
        balances.stream,
        balances.record_id,
        balances.receipt_id,

        -- what
        balances.wallet,
        coalesce(assets.asset, upper(balances.exchange_asset)) as asset,
        balances.exchange_asset,

        -- how much
        balances.amount,

        -- when and from where
        balances.taken_at,
        balances.origin
    from balances
    left join assets
        on
            balances.exchange = assets.exchange
            and balances.exchange_asset = assets.exchange_asset

)

select * from named
