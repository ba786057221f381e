{#- Derived from many tables and read by many tests: stored as a table. #}
{{ config(materialized='table') }}

with futures as (

    select * from {{ ref('base_bitmart__futures_ledger') }}

),

-- The futures wallet has a ledger of its own; the spot wallet has none.
of_futures as (

    select
        {{ canonical_id('futures_ledger') }} as ledger_entry_id,
        account_id,
        'futures_ledger' as stream,
        record_id,
        tran_id as event_id,
        {{ bitmart_futures_wallet() }} as wallet,
        asset,
        case coalesce(
            lower(flow_name),
            ['transfer', 'realized pnl', 'funding fee', 'commission fee', 'liquidation clearance'][flow_type]
        )
            when 'transfer' then 'transfer'
            when 'realized pnl' then 'realised_pnl'
            when 'liquidation clearance' then 'realised_pnl'
            when 'funding fee' then 'funding'
            when 'commission fee' then 'fee'
            else 'unclassified'
        end as entry_type,
        coalesce(flow_name, cast(flow_type as varchar)) as exchange_entry_type,
        symbol as market,
        amount,
        case when entry_type in ('fee', 'funding') then -amount end as fee_amount,
        coalesce(moved_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from futures

),

-- Rows that name no side or no direction: kept and counted, part of no balance.
unsided_spot_fills as (

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
        origin,
        receipt_id,
        loaded_at
    from {{ ref('base_bitmart__spot_fills') }}
    where coalesce(lower(side), '') not in ('buy', 'sell')

),

unsided_futures_fills as (

    select
        {{ canonical_id('futures_fills') }} as ledger_entry_id,
        account_id,
        'futures_fills' as stream,
        record_id,
        order_id as event_id,
        {{ bitmart_futures_wallet() }} as wallet,
        cast(side as varchar) as exchange_entry_type,
        symbol as market,
        cast(0 as decimal(38, 18)) as amount, -- what it moved is in the futures ledger
        coalesce(filled_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from {{ ref('base_bitmart__futures_fills') }}
    where coalesce(side, 0) not in (1, 2, 3, 4)

),

undirected_money as (

    select
        {{ canonical_id('deposit_withdraw_history') }} as ledger_entry_id,
        account_id,
        'deposit_withdraw_history' as stream,
        record_id,
        'spot' as wallet,
        {{ bitmart_coin('currency') }} as asset,
        operation_type as exchange_entry_type,
        arrival_amount as amount,
        coalesce(applied_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from {{ ref('base_bitmart__deposit_withdraw_history') }}
    where {{ bitmart_money_direction() }} is null

),

of_unsided as (

    select
        *,
        'unclassified' as entry_type,
        'unclassified' as status
    from (
        select * from unsided_spot_fills
        union all by name
        select * from unsided_futures_fills
        union all by name
        select * from undirected_money
    )

),

united as (

    select * from of_futures
    union all by name
    select * from {{ ref('int_bitmart__spot_movements') }}
    union all by name
    select * from of_unsided

),

canonical as (

    select
        {{ ledger_columns(
            'bitmart',
            ledger_entry_id='ledger_entry_id',
            asset="coalesce(nullif(asset, ''), 'UNKNOWN')",
            exchange_asset='asset',
            status=bitmart_status_if_whole("coalesce(status, 'completed')", "nullif(asset, '')", 'amount'),
        ) }}
    from united

)

select * from canonical
