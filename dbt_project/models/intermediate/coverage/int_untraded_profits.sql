{#-
    Ledger entries of profit or settlement in a market that nothing was traded in: no row of
    `fct_trades` in the day before (profit can be booked once a day), and those up to then leave no
    position that could make a profit. The missing trades lie between the last one stored and the
    entry; where there is none, anywhere since the account's first entry.
-#}
with all_entries as (

    select * from {{ ref('int_ledger_entries') }}

),

trades as (

    select * from {{ ref('int_trades') }}

),

entries as (

    select * from all_entries
    where
        entry_type in ('realised_pnl', 'settlement')
        and status = 'completed'
        and amount != 0
        and market is not null

),

first_entries as (

    select
        account_id,
        min(occurred_at) as first_entry_at
    from all_entries
    group by account_id

),

traded as (

    select
        account_id,
        market,
        traded_at,
        sum(
            case side when 'buy' then 1 else -1 end * coalesce(contract_quantity, base_quantity)
        ) as quantity,
        bool_or(coalesce(contract_quantity, base_quantity) is null) as is_unknown
    from trades
    group by account_id, market, traded_at

),

positions as (

    select
        account_id,
        market,
        traded_at,
        sum(quantity) over up_to_then as position,
        bool_or(is_unknown) over up_to_then as is_unknown
    from traded
    window up_to_then as (partition by account_id, market order by traded_at)

),

judged as (

    select
        entries.*,
        positions.traded_at,
        positions.position,
        positions.is_unknown
    from entries
    asof left join positions
        on
            entries.account_id = positions.account_id
            and entries.market = positions.market
            and entries.occurred_at + interval 1 minute >= positions.traded_at

),

final as (

    select
        judged.account_id,
        judged.exchange,
        judged.stream,
        judged.record_id,
        judged.market,
        judged.asset,
        judged.amount,
        coalesce(judged.traded_at, first_entries.first_entry_at) as missing_from,
        judged.occurred_at
    from judged
    inner join first_entries on judged.account_id = first_entries.account_id
    where
        judged.traded_at is null
        or (
            judged.traded_at < judged.occurred_at - interval 25 hours
            and judged.position = 0
            and not judged.is_unknown
        )

)

select * from final
