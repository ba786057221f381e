-- Differences that a rename may explain: of running balances (a break, an opening balance), and of the
-- newest snapshot of a wallet.
with moments as (

    select * from {{ ref('int_balance_moments') }}

),

breaks as (

    select * from {{ ref('int_balance_breaks') }}
    where break_kind = 'missing'

),

balances as (

    select * from {{ ref('int_balances_unioned') }}

),

openings as (

    select
        account_id,
        exchange,
        wallet,
        any_value(asset) as asset,
        exchange_asset,
        arg_min(level, occurred_at) as residual,
        min(occurred_at) as found_at
    from moments
    where level is not null
    group by account_id, exchange, wallet, exchange_asset

),

looks as (

    select
        account_id,
        exchange,
        wallet,
        max(taken_at) as taken_at
    from balances
    group by account_id, exchange, wallet

),

-- What a wallet's newest snapshot leaves out is zero.
snapshots as (

    select
        looks.account_id,
        looks.exchange,
        looks.wallet,
        coalesce(held.asset, summed.asset) as asset,
        coalesce(held.exchange_asset, summed.exchange_asset) as exchange_asset,
        coalesce(held.amount, 0) as said,
        coalesce(summed.amount, 0) as added_up,
        looks.taken_at
    from looks
    inner join (
        select moments.account_id, moments.wallet, moments.exchange_asset,
            any_value(moments.asset) as asset,
            arg_max(moments.running_amount, moments.occurred_at) as amount
        from moments
        inner join looks
            on moments.account_id = looks.account_id and moments.wallet = looks.wallet
        where moments.occurred_at <= looks.taken_at
        group by moments.account_id, moments.wallet, moments.exchange_asset
    ) as summed
        on looks.account_id = summed.account_id and looks.wallet = summed.wallet
    left join balances as held
        on
            looks.account_id = held.account_id
            and looks.wallet = held.wallet
            and looks.taken_at = held.taken_at
            and summed.exchange_asset = held.exchange_asset

),

differences as (

    select
        breaks.account_id,
        breaks.exchange,
        breaks.wallet,
        breaks.asset,
        breaks.net_residual as residual,
        breaks.computed - moments.amount as held_before,
        breaks.after_at,
        breaks.broken_at as found_at,
        true as is_of_chain
    from breaks
    inner join moments
        on
            breaks.account_id = moments.account_id
            and breaks.wallet = moments.wallet
            and breaks.exchange_asset = moments.exchange_asset
            and breaks.broken_at = moments.occurred_at

    union all by name

    select
        account_id,
        exchange,
        wallet,
        asset,
        residual,
        found_at,
        true as is_of_chain
    from openings
    where residual != 0

    union all by name

    select
        account_id,
        exchange,
        wallet,
        asset,
        said - added_up as residual,
        added_up as held_before,
        taken_at as found_at,
        false as is_of_chain
    from snapshots
    where said != added_up

)

select * from differences
