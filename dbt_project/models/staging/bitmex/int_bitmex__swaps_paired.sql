{{ config(materialized='table') }}

-- Conversions and spot trades in the ledger: two rows without a common id, matched.
with transactions as (

    select * from {{ ref('int_bitmex__transactions') }}
    where transact_type in ('Conversion', 'SpotTrade') and status = 'completed'

),

executions as (

    select * from {{ ref('base_bitmex__trade_history') }}

),

-- Duplicates of one moment (a fill of a spot order leaves two rows, and many fills can share a
-- millisecond) are distinguished by size: prices within a moment hardly differ.
numbered as (

    select
        *,
        row_number() over (
            partition by
                account_id, transact_type, address, exchange_asset, processed_at, amount > 0
            order by abs(amount) desc, record_id
        ) as duplicate_number
    from transactions
    where amount != 0

),

candidates as (

    select
        paid.account_id,
        paid.transact_type,
        paid.address,
        paid.record_id as paid_record_id,
        received.record_id as received_record_id,
        paid.asset as paid_asset,
        paid.exchange_asset as paid_exchange_asset,
        -paid.amount as paid_amount,
        received.asset as received_asset,
        received.exchange_asset as received_exchange_asset,
        received.amount as received_amount,
        greatest(paid.processed_at, received.processed_at) as swapped_at,
        coalesce(received.order_id, paid.order_id) as order_id,
        abs(epoch_ms(paid.processed_at) - epoch_ms(received.processed_at)) as distance_ms,
        abs(paid.duplicate_number - received.duplicate_number) as duplicate_distance,
        received.origin,
        received.receipt_id,
        greatest(paid.loaded_at, received.loaded_at) as legs_loaded_at
    from numbered as paid
    inner join numbered as received
        on
            paid.account_id = received.account_id
            and paid.transact_type = received.transact_type
            and paid.address is not distinct from received.address
            and paid.exchange_asset != received.exchange_asset
            and paid.amount < 0
            and received.amount > 0
            and received.processed_at between paid.processed_at - interval 1 second
            and paid.processed_at + interval 1 second

),

-- A pair is two legs that are each other's nearest.
nearest as (

    select * from candidates
    qualify
        row_number() over (
            partition by account_id, paid_record_id
            order by distance_ms, duplicate_distance, received_record_id
        ) = 1
        and row_number() over (
            partition by account_id, received_record_id
            order by distance_ms, duplicate_distance, paid_record_id
        ) = 1

),

-- A spot fill leaves an execution and two rows: one trade, for which the execution has more detail.
judged as (

    select
        nearest.*,
        nearest.transact_type = 'SpotTrade' and executions.symbol is not null
            as has_execution,
        greatest(nearest.legs_loaded_at, executions.loaded_at) as loaded_at
    from nearest
    left join (
        select
            account_id,
            symbol,
            executed_at,
            max(loaded_at) as loaded_at
        from executions
        where exec_type is distinct from 'Funding' and exec_type is distinct from 'Settlement'
        group by account_id, symbol, executed_at
    ) as executions
        on
            nearest.account_id = executions.account_id
            and nearest.address = executions.symbol
            and nearest.swapped_at = executions.executed_at

)

select * from judged
