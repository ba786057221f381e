-- Labels of an exchange that are not mapped, one row per record: the rows are kept as unclassified.
with ledger_entries as (

    select * from {{ ref('int_ledger_entries') }}

),

deposits as (

    select * from {{ ref('int_deposits_unioned') }}

),

withdrawals as (

    select * from {{ ref('int_withdrawals_unioned') }}

),

transfers as (

    select * from {{ ref('int_transfers_united') }}

),

trades as (

    select * from {{ ref('int_trades') }}

),

every_trade as (

    select * from {{ ref('int_trades_unioned') }}

),

unclassified as (

    select
        account_id, exchange, stream, record_id, 'entry_type' as field,
        exchange_entry_type as word, occurred_at
    from ledger_entries
    where entry_type = 'unclassified'

    union all

    select
        account_id, exchange, stream, record_id, 'status' as field, exchange_status as word,
        occurred_at
    from ledger_entries
    where status = 'unclassified'

    union all

    select
        account_id, exchange, stream, record_id, 'status' as field, exchange_status as word,
        requested_at as occurred_at
    from deposits
    where status = 'unclassified'

    union all

    select
        account_id, exchange, stream, record_id, 'status' as field, exchange_status as word,
        requested_at as occurred_at
    from withdrawals
    where status = 'unclassified'

    union all

    select
        account_id, exchange, stream, record_id, 'status' as field, exchange_status as word,
        coalesce(sent_at, received_at) as occurred_at
    from transfers
    where status = 'unclassified'

    union all

    select
        account_id, exchange, stream, record_id, 'product_type' as field, market as word,
        traded_at as occurred_at
    from trades
    where product_type = 'unclassified'

    union all

    select
        account_id, exchange, stream, record_id, 'base_asset' as field, market as word,
        traded_at as occurred_at
    from trades
    where product_type != 'unclassified' and (base_asset is null or quote_asset is null)

    union all

    select
        account_id, exchange, stream, record_id, 'side' as field, side as word,
        traded_at as occurred_at
    from every_trade
    where side is null or side not in ('buy', 'sell')

),

-- A withdrawal can also be a ledger entry: it is one label of one record.
final as (

    select distinct
        account_id,
        exchange,
        stream,
        record_id,
        field,
        coalesce(word, '') as word,
        occurred_at
    from unclassified

)

select * from final
