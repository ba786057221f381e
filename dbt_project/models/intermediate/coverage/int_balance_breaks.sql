{#-
    Where a balance does not follow from the one before, put together where several breaks are
    one finding:

    - `missing`: the balance moved and no row says why. One finding each.
    - `order`: rows are listed in another order than the balance moved. Either two breaks of
      exactly a row that is there, a month apart at most (a year apart, two rows of one size are
      missing), or a run of three and more that ends where it began.
    - `swing`: it goes back and forth by the same size, which missing rows seldom do: the exchange
      shows two balances in turn (seen on a testnet), or one row is printed out of step.
-#}
with moments as (

    select * from {{ ref('int_balance_moments') }}

),

breaks as (

    select
        *,
        level - level_before as jump,
        row_number() over (
            partition by account_id, wallet, exchange_asset order by occurred_at
        ) as break_number
    from moments
    where level is distinct from level_before and level_before is not null and level is not null

),

-- Where each break's level is met again, and whether every moment up to there is a break.
loops as (

    select
        breaks.account_id,
        breaks.wallet,
        breaks.exchange_asset,
        breaks.break_number as first_number,
        ends.break_number as last_number
    from breaks
    asof join breaks as ends
        on
            breaks.account_id = ends.account_id
            and breaks.wallet = ends.wallet
            and breaks.exchange_asset = ends.exchange_asset
            and breaks.level_before = ends.level
            and breaks.break_number <= ends.break_number
    where
        ends.break_number - breaks.break_number between 2 and 9
        and ends.moment_number - breaks.moment_number = ends.break_number - breaks.break_number

),

first_loops as (

    select * from loops
    qualify first_number > coalesce(
        max(last_number) over (
            partition by account_id, wallet, exchange_asset order by first_number
            rows between unbounded preceding and 1 preceding
        ),
        0
    )

),

looped as (

    select
        breaks.*,
        case when breaks.break_number <= first_loops.last_number then first_loops.first_number end
            as loop_number
    from breaks
    asof left join first_loops
        on
            breaks.account_id = first_loops.account_id
            and breaks.wallet = first_loops.wallet
            and breaks.exchange_asset = first_loops.exchange_asset
            and breaks.break_number >= first_loops.first_number

),

paired as (

    select
        *,
        lag(jump) over chain as jump_before,
        moment_number - lag(moment_number) over chain as moments_between
    from looped
    where loop_number is null
    window chain as (partition by account_id, wallet, exchange_asset order by occurred_at)

),

numbered as (

    select
        *,
        count_if(jump is distinct from -jump_before) over (
            partition by account_id, wallet, exchange_asset order by occurred_at
        ) as turn_number
    from paired

),

turns as (

    select
        account_id,
        wallet,
        exchange_asset,
        turn_number,
        count(*) as turn_length,
        max(moments_between) filter (where jump = -jump_before) as widest_step,
        count_if(amount = -jump) > 0
        and max(occurred_at) - min(occurred_at) <= interval '31 days' as has_own_row
    from numbered
    group by account_id, wallet, exchange_asset, turn_number

),

named as (

    select
        numbered.* exclude (loop_number),
        case
            when turns.turn_length = 2 and turns.has_own_row then 'order'
            when turns.turn_length >= 3 then 'swing'
            when turns.turn_length = 2 and turns.widest_step = 1 then 'swing'
            else 'missing'
        end as break_kind,
        case
            when turns.turn_length >= 3 then 0
            when turns.turn_length = 2 and (turns.has_own_row or turns.widest_step = 1) then 0
            else numbered.moment_number
        end as own_number
    from numbered
    inner join turns using (account_id, wallet, exchange_asset, turn_number)

    union all by name

    select
        * exclude (loop_number),
        'order' as break_kind,
        -loop_number as turn_number,
        0 as own_number
    from looped
    where loop_number is not null

),

final as (

    select
        -- keys
        account_id,
        exchange,
        wallet,
        any_value(asset) as asset,
        exchange_asset,
        arg_min(stream, occurred_at) as stream,
        arg_min(record_id, occurred_at) as record_id,
        break_kind,

        -- how much
        arg_min(balance, occurred_at) as expected,
        arg_min(balance - jump, occurred_at) as computed,
        arg_min(jump, occurred_at) as residual,
        sum(jump) as net_residual,
        count(*) as break_count,

        -- when
        arg_min(previous_at, occurred_at) as after_at,
        min(occurred_at) as broken_at,
        max(occurred_at) as last_broken_at
    from named
    group by account_id, exchange, wallet, exchange_asset, break_kind, turn_number, own_number

)

select * from final
