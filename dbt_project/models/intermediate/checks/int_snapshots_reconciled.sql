-- Every snapshot of a wallet reconciled with the wallet's rows up to that moment: one row per answer
-- and asset.
with levels as (

    select * from {{ ref('int_wallet_levels') }}

),

stated_balances as (

    select * from {{ ref('int_stated_balances') }}

),

unledgered as (

    {{ wallets_without_ledger() }}

),

reconciled as (

    select
        stated_balances.*,
        unledgered.wallet is not null as is_unledgered,
        coalesce(levels.running_amount, 0) as computed,
        levels.occurred_at as last_moved_at,
        stated_balances.expected - coalesce(levels.running_amount, 0) as residual
    from stated_balances
    asof left join levels
        on
            stated_balances.account_id = levels.account_id
            and stated_balances.wallet = levels.wallet
            and stated_balances.exchange_asset = levels.exchange_asset
            and stated_balances.taken_at >= levels.occurred_at
    left join unledgered
        on
            stated_balances.exchange = unledgered.exchange
            and stated_balances.wallet = unledgered.wallet
    where stated_balances.expected is not null

),

final as (

    select
        *,
        lag(residual) over snapshots_of_asset as residual_before,
        lag(expected) over snapshots_of_asset as expected_before,
        lag(computed) over snapshots_of_asset as computed_before,
        lag(taken_at) over snapshots_of_asset as taken_before,
        lead(taken_at) over snapshots_of_asset is null as is_newest
    from reconciled
    window snapshots_of_asset as (
        partition by account_id, stream, wallet, exchange_asset order by taken_at, receipt_id
    )

)

select * from final
