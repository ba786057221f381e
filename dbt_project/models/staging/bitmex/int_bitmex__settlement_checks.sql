-- Settlements that close more contracts than the stored executions opened: `contracts` is the signed
-- size of the executions that are missing before. One row per contract and settlement.
with executions as (

    select
        account_id,
        symbol,
        settl_currency,
        record_id,
        exec_type,
        case lower(side) when 'buy' then last_qty else -last_qty end as contracts,
        executed_at
    from {{ ref('base_bitmex__trade_history') }}
    where
        exec_type in ('Trade', 'Settlement', 'Liquidation', 'Bankruptcy')
        and lower(side) in ('buy', 'sell')
        and last_qty > 0
        and not contains(symbol, '_')

),

first_executions as (

    select
        account_id,
        min(executed_at) as first_execution_at
    from executions
    group by account_id

),

-- Rows of one moment count together: their order is unknown.
positions as (

    select
        *,
        sum(contracts) over (
            partition by account_id, symbol, settl_currency order by executed_at
        ) as position,
        max(executed_at) filter (where exec_type != 'Settlement') over (
            partition by account_id, symbol, settl_currency
            order by executed_at rows between unbounded preceding and 1 preceding
        ) as traded_at
    from executions

),

-- Contracts missing at one settlement do not count again at the next.
settled as (

    select
        *,
        position - coalesce(lag(position) over (
            partition by account_id, symbol, settl_currency order by executed_at, record_id
        ), 0) as left_over
    from positions
    where exec_type = 'Settlement'

),

final as (

    select
        settled.account_id,
        'bitmex' as exchange,
        'trade_history' as stream,
        settled.record_id,
        settled.symbol as market,
        cast(-settled.left_over as decimal(38, 18)) as contracts,
        coalesce(settled.traded_at, first_executions.first_execution_at) as missing_from,
        settled.executed_at as settled_at
    from settled
    inner join first_executions on settled.account_id = first_executions.account_id
    where settled.left_over != 0

)

select * from final
