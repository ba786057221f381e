{#-
    What the rows of each wallet and asset come to, moment by moment. A wallet without a ledger has
    no rows: what moved in and out of it counts instead, as the other side of each move states it.
-#}
with moments as (

    select * from {{ ref('int_balance_moments') }}

),

transfers as (

    select * from {{ ref('int_transfers_unioned') }}
    where status = 'completed'

),

unledgered as (

    {{ wallets_without_ledger() }}

),

moves as (

    select
        to_account_id as account_id,
        exchange,
        to_wallet as wallet,
        exchange_asset,
        asset,
        coalesce(received_at, sent_at) as occurred_at,
        coalesce(amount_received, amount_sent) as amount
    from transfers

    union all

    select
        from_account_id as account_id,
        exchange,
        from_wallet as wallet,
        exchange_asset,
        asset,
        coalesce(sent_at, received_at) as occurred_at,
        -coalesce(amount_sent, amount_received) as amount
    from transfers

),

moves_of_unledgered as (

    select
        moves.account_id,
        moves.exchange,
        moves.wallet,
        moves.exchange_asset,
        any_value(moves.asset) as asset,
        moves.occurred_at,
        sum(moves.amount) as amount
    from moves
    semi join unledgered
        on moves.exchange = unledgered.exchange and moves.wallet = unledgered.wallet
    group by
        moves.account_id, moves.exchange, moves.wallet, moves.exchange_asset, moves.occurred_at

),

levels as (

    select account_id, exchange, wallet, exchange_asset, asset, occurred_at, running_amount
    from moments

    union all

    select
        account_id,
        exchange,
        wallet,
        exchange_asset,
        asset,
        occurred_at,
        sum(amount) over (
            partition by account_id, wallet, exchange_asset order by occurred_at
        ) as running_amount
    from moves_of_unledgered

)

select * from levels
