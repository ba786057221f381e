{#-
    The spot wallet has no ledger: what is known to have moved it. A fee in the coin that was received
    is inside the amount; in the coin that was paid, as on buys, or in a third one it is a row of its own.
-#}
with fills as (

    select * from {{ ref('stg_bitmart__trades') }}
    where stream = 'spot_fills'

),

deposits as (

    select * from {{ ref('stg_bitmart__deposits') }}
    where status in ('completed', 'unclassified')

),

withdrawals as (

    select * from {{ ref('stg_bitmart__withdrawals') }}
    where status in ('completed', 'unclassified')

),

transfers as (

    select * from {{ ref('stg_bitmart__transfers') }}
    where 'spot' in (coalesce(from_wallet, ''), coalesce(to_wallet, '')) and status = 'completed'

),

legs as (

    select
        *,
        unnest(['paid', 'received', 'fee']) as part,
        case when side = 'buy' then base_asset else quote_asset end as received_asset,
        case when side = 'buy' then base_quantity else quote_quantity end as received_quantity,
        case when side = 'buy' then quote_asset else base_asset end as paid_asset,
        case when side = 'buy' then quote_quantity else base_quantity end as paid_quantity,
        case when fee_asset = received_asset then fee_amount else 0 end as fee_inside
    from fills

),

of_fills as (

    select
        trade_id || '/' || part as ledger_entry_id,
        account_id, stream, record_id, order_id as event_id, wallet,
        case part when 'paid' then paid_asset when 'received' then received_asset else fee_asset end
            as asset,
        case part when 'fee' then 'fee' else 'trade' end as entry_type,
        side as exchange_entry_type,
        market,
        case part
            when 'paid' then -paid_quantity
            when 'received' then received_quantity - fee_inside
            else -fee_amount
        end as amount,
        case part when 'received' then fee_inside when 'fee' then fee_amount end as fee_amount,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from legs
    where
        part != 'fee'
        or (fee_amount is distinct from 0 and fee_asset is distinct from received_asset)

),

of_money as (

    select
        deposit_id as ledger_entry_id,
        account_id, stream, record_id,
        wallet, asset,
        case status when 'completed' then 'deposit' else 'unclassified' end as entry_type,
        'deposit' as exchange_entry_type,
        amount,
        status,
        exchange_status,
        requested_at as occurred_at,
        origin, receipt_id, loaded_at
    from deposits

    union all by name

    select
        withdrawal_id as ledger_entry_id,
        account_id, stream, record_id,
        wallet, asset,
        case status when 'completed' then 'withdrawal' else 'unclassified' end as entry_type,
        'withdraw' as exchange_entry_type,
        -amount as amount,
        fee_amount,
        status,
        exchange_status,
        requested_at as occurred_at,
        origin, receipt_id, loaded_at
    from withdrawals

    union all by name

    select
        transfer_id || '/spot' as ledger_entry_id,
        account_id, stream, record_id,
        'spot' as wallet,
        asset,
        'transfer' as entry_type,
        note as exchange_entry_type,
        case when from_wallet = 'spot' then -amount_sent else amount_received end as amount,
        status,
        exchange_status,
        sent_at as occurred_at,
        origin, receipt_id, loaded_at
    from transfers

),

united as (

    select * from of_fills
    union all by name
    select * from of_money

)

select * from united
