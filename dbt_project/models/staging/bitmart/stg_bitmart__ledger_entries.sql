{#- Derived from many tables and read by many tests: stored as a table. #}
{{ config(materialized='table') }}

with futures as (

    select * from {{ ref('base_bitmart__futures_ledger') }}

),

fills as (

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
        case
            when lower(flow_name) = 'transfer' then 'transfer'
            when lower(flow_name) = 'realized pnl' then 'realised_pnl'
            when lower(flow_name) = 'funding fee' then 'funding'
            when lower(flow_name) = 'commission fee' then 'fee'
            when lower(flow_name) = 'liquidation clearance' then 'realised_pnl'
            when flow_name is not null then 'unclassified'
            when flow_type = 1 then 'transfer'
            when flow_type = 2 then 'realised_pnl'
            when flow_type = 3 then 'funding'
            when flow_type = 4 then 'fee'
            when flow_type = 5 then 'realised_pnl'
            else 'unclassified'
        end as entry_type,
        coalesce(flow_name, cast(flow_type as varchar)) as exchange_entry_type,
        symbol as market,
        amount,
        case when entry_type in ('fee', 'funding') then -amount else 0 end
            as fee_amount,
        'completed' as status,
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
    where fee_amount is distinct from 0 and fee_asset is distinct from received_asset

),

-- Rows that name no side or no direction: kept and counted, part of no balance.
untold as (

    select
        {{ canonical_id('spot_fills') }} as ledger_entry_id,
        account_id,
        'spot_fills' as stream,
        record_id,
        order_id as event_id,
        {{ bitmart_spot_wallet('order_mode') }} as wallet,
        {{ bitmart_pair_coin('symbol', 1) }} as asset,
        side as exchange_entry_type,
        symbol as market,
        size as amount,
        coalesce(filled_at, occurred_at) as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_bitmart__spot_fills') }}
    where coalesce(lower(side), '') not in ('buy', 'sell')

    union all

    select
        {{ canonical_id('futures_fills') }} as ledger_entry_id,
        account_id,
        'futures_fills' as stream,
        record_id,
        order_id as event_id,
        {{ bitmart_futures_wallet() }} as wallet,
        cast(null as varchar) as asset,
        cast(side as varchar) as exchange_entry_type,
        symbol as market,
        cast(0 as decimal(38, 18)) as amount, -- what it moved is in the futures ledger
        coalesce(filled_at, occurred_at) as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_bitmart__futures_fills') }}
    where coalesce(side, 0) not in (1, 2, 3, 4)

    union all

    select
        {{ canonical_id('deposit_withdraw_history') }} as ledger_entry_id,
        account_id,
        'deposit_withdraw_history' as stream,
        record_id,
        cast(null as varchar) as event_id,
        'spot' as wallet,
        {{ bitmart_coin('currency') }} as asset,
        operation_type as exchange_entry_type,
        cast(null as varchar) as market,
        arrival_amount as amount,
        coalesce(applied_at, occurred_at) as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_bitmart__deposit_withdraw_history') }}
    where {{ bitmart_money_direction() }} is null

),

of_untold as (

    select
        *,
        'unclassified' as entry_type,
        'unclassified' as status,
        cast(0 as decimal(38, 18)) as fee_amount
    from untold

),

of_money as (

    select
        deposit_id as ledger_entry_id,
        account_id, stream, record_id,
        cast(null as varchar) as event_id,
        wallet, asset,
        case status when 'completed' then 'deposit' else 'unclassified' end as entry_type,
        'deposit' as exchange_entry_type,
        cast(null as varchar) as market,
        amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        status,
        exchange_status,
        requested_at as occurred_at,
        origin, receipt_id, loaded_at
    from deposits

    union all

    select
        withdrawal_id as ledger_entry_id,
        account_id, stream, record_id,
        cast(null as varchar) as event_id,
        wallet, asset,
        case status when 'completed' then 'withdrawal' else 'unclassified' end as entry_type,
        'withdraw' as exchange_entry_type,
        cast(null as varchar) as market,
        -amount as amount,
        fee_amount,
        status,
        exchange_status,
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
        status,
        exchange_status,
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

    union all by name

    select * from of_untold

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
        coalesce(nullif(asset, ''), 'UNKNOWN') as asset,
        asset as exchange_asset,
        entry_type,
        exchange_entry_type,
        market,
        cast(null as varchar) as note,
        cast(null as varchar) as accounting_regime,
        {{ bitmart_status_if_whole("coalesce(status, 'completed')", "nullif(asset, '')", 'amount') }}
            as status,
        exchange_status,

        -- how much; no balance is shown with any row
        amount,
        coalesce(fee_amount, 0) as fee_amount,
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
