{{ config(materialized='table') }}

{#-
    A ledger by moments: what all rows of one millisecond did together, the sum of everything up
    to there, and the balance the exchange showed afterwards. `level` is that balance less the
    sum; where nothing is missing it never changes.

    Within a moment the order of rows is unknown. Rows chain when each starts where another one
    ended, so the one balance from which no row starts is the last. Some exchanges show one balance, the
    one after the whole batch, on every row.
-#}
with entries as (

    select * from {{ ref('int_ledger_entries') }}
    where status = 'completed' and amount is not null

),

moments as (

    select
        account_id,
        exchange,
        wallet,
        exchange_asset,
        occurred_at,
        any_value(asset) as asset,
        count(*) as row_count,
        count(balance_after) as balance_count,
        sum(amount) as amount,
        min(balance_after) as lowest_balance,
        max(balance_after) as highest_balance,
        min(record_id) as record_id,
        max(stream) as stream
    from entries
    group by account_id, exchange, wallet, exchange_asset, occurred_at

),

tied_rows as (

    select entries.*
    from entries
    inner join moments using (account_id, wallet, exchange_asset, occurred_at)
    where
        moments.lowest_balance != moments.highest_balance
        or moments.balance_count between 1 and moments.row_count - 1

),

tied_balances as (

    select
        account_id,
        wallet,
        exchange_asset,
        occurred_at,
        balance,
        sum(ended_there) as left_over
    from (
        select *, balance_after as balance, 1 as ended_there from tied_rows
        union all
        select *, balance_after - amount as balance, -1 as ended_there from tied_rows
    )
    where balance is not null
    group by account_id, wallet, exchange_asset, occurred_at, balance

),

tied_ends as (

    select
        account_id,
        wallet,
        exchange_asset,
        occurred_at,
        coalesce(sum(left_over) filter (where left_over > 0), 0) as end_count,
        max(balance) filter (where left_over > 0) as end_balance
    from tied_balances
    group by account_id, wallet, exchange_asset, occurred_at

),

-- Where the rows do not chain among themselves, any of their balances may be the last; where no
-- neighbour tells, the newest id is the best guess.
tied_guesses as (

    select
        account_id,
        wallet,
        exchange_asset,
        occurred_at,
        list(balance_after) as possible_balances,
        arg_max(balance_after, (length(record_id), record_id)) as guessed_balance
    from tied_rows
    group by account_id, wallet, exchange_asset, occurred_at

),

summed as (

    select
        moments.*,
        sum(moments.amount) over (
            partition by moments.account_id, moments.wallet, moments.exchange_asset
            order by moments.occurred_at
        ) as running_amount,
        tied_guesses.possible_balances,
        tied_guesses.guessed_balance,
        case
            when tied_guesses.possible_balances is null then moments.highest_balance
            when tied_ends.end_count = 1 and moments.balance_count = moments.row_count
                then tied_ends.end_balance
        end as sure_balance
    from moments
    left join tied_ends using (account_id, wallet, exchange_asset, occurred_at)
    left join tied_guesses using (account_id, wallet, exchange_asset, occurred_at)

),

sure as (

    select
        *,
        sure_balance - running_amount as sure_level,
        -- Before its first row a ledger is empty, until a balance says otherwise.
        coalesce(last_value(sure_balance - running_amount ignore nulls) over (
            chain rows between unbounded preceding and 1 preceding
        ), 0) as sure_level_before,
        first_value(sure_balance - running_amount ignore nulls) over (
            chain rows between 1 following and unbounded following
        ) as sure_level_after
    from summed
    window chain as (partition by account_id, wallet, exchange_asset order by occurred_at)

),

-- A tie that can be read so that nothing is missing is read so, else so that as little as can be
-- is: as its neighbours say. One of which a row tells no balance may have ended with that row.
levelled as (

    select
        *,
        case
            when possible_balances is null then sure_level
            when sure_level in (sure_level_before, sure_level_after) then sure_level
            -- It came back to where it began: one row is missing inside, not one before and after.
            when
                sure_level is not null
                and running_amount + sure_level_after = running_amount - amount + sure_level_before
                and list_contains(possible_balances, running_amount + sure_level_after)
                then sure_level_after
            when sure_level is not null then sure_level
            when list_contains(possible_balances, running_amount + sure_level_before)
                then sure_level_before
            when list_contains(possible_balances, running_amount + sure_level_after)
                then sure_level_after
            when balance_count = row_count then guessed_balance - running_amount
        end as level
    from sure

),

final as (

    select
        -- keys
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        stream,
        record_id,

        -- how much
        row_count,
        amount,
        running_amount,
        level + running_amount as balance,
        level,
        last_value(level ignore nulls) over (
            chain rows between unbounded preceding and 1 preceding
        ) as level_before,
        row_number() over chain as moment_number,

        -- when
        occurred_at,
        lag(occurred_at) over chain as previous_at
    from levelled
    window chain as (partition by account_id, wallet, exchange_asset order by occurred_at)

)

select * from final
