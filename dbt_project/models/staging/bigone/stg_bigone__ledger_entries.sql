{#- Derived from many tables and read by many tests: stored as a table. #}
{{ config(materialized='table') }}

with deposits as (

    select * from {{ ref('base_bigone__deposits') }}

),

withdrawals as (

    select * from {{ ref('stg_bigone__withdrawals') }}

),

conversions as (

    select * from {{ ref('base_bigone__convert_trades') }}

),

from_deposits as (

    select
        'deposits' as stream,
        account_id,
        record_id,
        '' as leg,
        record_id as event_id,
        coalesce(lower(target_account), 'spot') as wallet,
        asset_symbol as exchange_asset,
        {{ bigone_deposit_type() }} as entry_type,
        kind as exchange_entry_type,
        {{ bigone_deposit_status() }} as status,
        state as exchange_status,
        amount,
        coalesce(updated_at, inserted_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from deposits

),

from_withdrawals as (

    select
        stream,
        account_id,
        record_id,
        '' as leg,
        record_id as event_id,
        wallet,
        exchange_asset,
        'withdrawal' as entry_type,
        'withdrawal' as exchange_entry_type,
        status,
        exchange_status,
        -amount as amount,
        fee_amount,
        coalesce(completed_at, requested_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from withdrawals

),

conversion_legs as (

    select
        *,
        unnest(['paid', 'received']) as part
    from conversions

),

from_conversions as (

    select
        'convert_trades' as stream,
        account_id,
        record_id,
        '/' || part as leg,
        quote_id as event_id,
        coalesce(lower(account_type), 'spot') as wallet,
        case part when 'paid' then from_asset else to_asset end as exchange_asset,
        'conversion' as entry_type,
        'convert' as exchange_entry_type,
        {{ bigone_conversion_status() }} as status,
        state as exchange_status,
        case part when 'paid' then -from_size else to_size end as amount,
        coalesce(converted_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from conversion_legs

),

movements as (

    select * from from_deposits
    union all by name
    select * from from_withdrawals
    union all by name
    select * from from_conversions
    union all by name
    select * from {{ ref('int_bigone__trade_movements') }}

),

-- Pending and failed movements changed no balance. A row with an unknown status or without a coin is
-- kept outside the sum.
canonical as (

    select
        {{ ledger_columns(
            'bigone',
            asset=bigone_asset_or_unknown('exchange_asset'),
            status=bigone_status_if_whole('status', 'exchange_asset', 'amount'),
        ) }}
    from movements
    where status in ('completed', 'unclassified')

)

select * from canonical
