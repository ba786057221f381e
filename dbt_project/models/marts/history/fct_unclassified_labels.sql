with ledger_entries as (

    select * from {{ ref('fct_ledger_entries') }}

),

deposits as (

    select * from {{ ref('fct_deposits') }}

),

withdrawals as (

    select * from {{ ref('fct_withdrawals') }}

),

transfers as (

    select * from {{ ref('fct_transfers') }}

),

trades as (

    select * from {{ ref('fct_trades') }}

),

unclassified as (

    select account_id, exchange, stream, 'entry_type' as field, exchange_entry_type as label, occurred_at
    from ledger_entries
    where entry_type = 'unclassified'

    union all

    select account_id, exchange, stream, 'status' as field, exchange_status as label, occurred_at
    from ledger_entries
    where status = 'unclassified'

    union all

    select account_id, exchange, stream, 'status' as field, exchange_status as label, requested_at
    from deposits
    where status = 'unclassified'

    union all

    select account_id, exchange, stream, 'status' as field, exchange_status as label, requested_at
    from withdrawals
    where status = 'unclassified'

    union all

    select
        account_id, exchange, stream, 'status' as field, exchange_status as label,
        coalesce(sent_at, received_at)
    from transfers
    where status = 'unclassified'

    union all

    select account_id, exchange, stream, 'product_type' as field, market as label, traded_at
    from trades
    where product_type = 'unclassified'

),

counted as (

    select
        account_id || '/' || stream || '/' || field || '/' || coalesce(label, '') as label_id,
        account_id,
        exchange,
        stream,
        field,
        coalesce(label, '') as exchange_label,
        count(*) as row_count,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from unclassified
    group by account_id, exchange, stream, field, label

)

select * from counted
