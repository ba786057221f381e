with futures as (

    select * from {{ ref('base_bitmart__futures_ledger') }}

),

fills as (

    select * from {{ ref('stg_bitmart__trades') }}
    where stream = 'spot_fills'

),

deposits as (

    select * from {{ ref('stg_bitmart__deposits') }}
    where status = 'completed'

),

withdrawals as (

    select * from {{ ref('stg_bitmart__withdrawals') }}
    where status = 'completed'

),

transfers as (

    select * from {{ ref('stg_bitmart__transfers') }}
    where 'spot' in (coalesce(from_wallet, ''), coalesce(to_wallet, '')) and status = 'completed'

),

-- 1. The futures wallet has a ledger of its own.
of_futures as (

    select
        {{ canonical_id('futures_ledger') }} as ledger_entry_id,
        account_id,
        'futures_ledger' as stream,
        record_id,
        tran_id as event_id,
        {{ bitmart_futures_wallet() }} as wallet,
        asset,
        case lower(flow_name)
            when 'transfer' then 'transfer'
            when 'realized pnl' then 'realised_pnl'
            when 'funding fee' then 'funding'
            when 'commission fee' then 'fee'
            when 'liquidation clearance' then 'realised_pnl'
            else 'unclassified'
        end as entry_type,
        flow_name as exchange_entry_type,
        symbol as market,
        amount,
        case when lower(flow_name) in ('commission fee', 'funding fee') then -amount else 0 end
            as fee_amount,
        coalesce(moved_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from futures

),

-- 2. The spot wallet has none: what is known to have moved it is written here as one.
legs as (

    select
        *,
        case when side = 'buy' then base_asset else quote_asset end as received_asset,
        case when side = 'buy' then base_quantity else quote_quantity end as received_quantity,
        case when side = 'buy' then quote_asset else base_asset end as paid_asset,
        case when side = 'buy' then quote_quantity else base_quantity end as paid_quantity
    from fills

),

of_fills as (

    select
        trade_id || '/paid' as ledger_entry_id,
        account_id, stream, record_id, order_id as event_id, wallet,
        paid_asset as asset,
        'trade' as entry_type,
        side as exchange_entry_type,
        market,
        -paid_quantity as amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from legs

    union all

    select
        trade_id || '/received' as ledger_entry_id,
        account_id, stream, record_id, order_id as event_id, wallet,
        received_asset as asset,
        'trade' as entry_type,
        side as exchange_entry_type,
        market,
        received_quantity - case when fee_asset = received_asset then fee_amount else 0 end
            as amount,
        case when fee_asset = received_asset then fee_amount else 0 end as fee_amount,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from legs

    union all

    -- A fee in the coin that was paid, as on buys, or in a third one.
    select
        trade_id || '/fee' as ledger_entry_id,
        account_id, stream, record_id, order_id as event_id, wallet,
        fee_asset as asset,
        'fee' as entry_type,
        side as exchange_entry_type,
        market,
        -fee_amount as amount,
        fee_amount,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from legs
    where fee_amount <> 0 and fee_asset <> received_asset

),

of_money as (

    select
        deposit_id as ledger_entry_id,
        account_id, stream, record_id,
        cast(null as varchar) as event_id,
        wallet, asset,
        'deposit' as entry_type,
        'deposit' as exchange_entry_type,
        cast(null as varchar) as market,
        amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        requested_at as occurred_at,
        origin, receipt_id, loaded_at
    from deposits

    union all

    select
        withdrawal_id as ledger_entry_id,
        account_id, stream, record_id,
        cast(null as varchar) as event_id,
        wallet, asset,
        'withdrawal' as entry_type,
        'withdraw' as exchange_entry_type,
        cast(null as varchar) as market,
        -amount as amount,
        fee_amount,
        requested_at as occurred_at,
        origin, receipt_id, loaded_at
    from withdrawals

    union all

    select
        transfer_id || '/spot' as ledger_entry_id,
        account_id, stream, record_id,
        cast(null as varchar) as event_id,
        'spot' as wallet,
        asset,
        'transfer' as entry_type,
        note as exchange_entry_type,
        cast(null as varchar) as market,
        case when from_wallet = 'spot' then -amount_sent else amount_received end as amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        sent_at as occurred_at,
        origin, receipt_id, loaded_at
    from transfers

),

united as (

    select * from of_futures

    union all by name

    select * from of_fills

    union all by name

    select * from of_money

),

canonical as (

    select
        -- keys
        ledger_entry_id,
        account_id,
        'bitmart' as exchange,
        stream,
        record_id,
        event_id,

        -- what
        wallet,
        asset,
        asset as exchange_asset,
        entry_type,
        exchange_entry_type,
        market,
        cast(null as varchar) as note,
        cast(null as varchar) as accounting_regime,
        'completed' as status,
        cast(null as varchar) as exchange_status,

        -- how much; no balance is shown with any row
        amount,
        fee_amount,
        cast(null as decimal(38, 18)) as balance_after,

        -- when
        occurred_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from united

)

select * from canonical
