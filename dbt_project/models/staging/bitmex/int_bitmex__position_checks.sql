{#-
    BitMEX's open positions beside the stored executions: a position is what trades and settlements
    have added up to, so a difference means that executions are missing or doubled. In contracts,
    one row per symbol and settlement currency: a symbol that came back in another currency is two.
-#}
with positions as (

    select * from {{ ref('base_bitmex__positions') }}

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where exchange = 'bitmex' and stream = 'positions' and outcome = 'exhausted'

),

-- Funding shows a position without changing it; the other types are order reports. Spot
-- trades make no position.
executions as (

    select
        account_id,
        symbol,
        settl_currency as currency,
        case lower(side) when 'buy' then last_qty else -last_qty end as contracts,
        executed_at
    from {{ ref('base_bitmex__trade_history') }}
    where
        exec_type in ('Trade', 'Settlement', 'Liquidation', 'Bankruptcy')
        and lower(side) in ('buy', 'sell')
        and settl_currency is not null
        and not {{ bitmex_is_spot_name('symbol', 'currency') }}

),

newest as (

    select account_id, receipt_id, asked_at, origin
    from receipts
    qualify row_number() over (
        partition by account_id order by taken_at desc nulls last, asked_at desc, receipt_id
    ) = 1

),

said as (

    select
        positions.account_id,
        positions.symbol,
        positions.currency,
        positions.current_qty,
        positions.changed_at
    from positions
    inner join newest
        on positions.account_id = newest.account_id and positions.receipt_id = newest.receipt_id

),

-- A saved answer is as old as the newest state in it, not as the day it was imported.
moments as (

    select
        newest.account_id,
        case newest.origin when 'api' then newest.asked_at else max(said.changed_at) end
            as checked_at
    from newest
    left join said on newest.account_id = said.account_id
    group by newest.account_id, newest.origin, newest.asked_at

),

added_up as (

    select
        executions.account_id,
        executions.symbol,
        executions.currency,
        sum(executions.contracts) as contracts,
        count(*) as execution_count
    from executions
    inner join moments on executions.account_id = moments.account_id
    where executions.executed_at <= moments.checked_at
    group by executions.account_id, executions.symbol, executions.currency

),

-- A contract that is not listed has no position.
compared as (

    select
        account_id,
        symbol,
        currency,
        coalesce(said.current_qty, 0) as said_contracts,
        coalesce(added_up.contracts, 0) as computed_contracts,
        coalesce(added_up.execution_count, 0) as execution_count
    from said
    full join added_up using (account_id, symbol, currency)

),

final as (

    select
        -- keys
        compared.account_id,
        'bitmex' as exchange,
        'trade_history' as stream,
        compared.symbol,
        compared.currency,

        -- how many contracts, signed
        cast(compared.said_contracts as decimal(38, 18)) as expected,
        cast(compared.computed_contracts as decimal(38, 18)) as computed,
        compared.execution_count,

        -- when
        moments.checked_at
    from compared
    inner join moments on compared.account_id = moments.account_id
    where moments.checked_at is not null

)

select * from final
