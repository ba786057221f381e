-- Ledger entries that a newer or better telling has replaced: bills whose tax rows have arrived,
-- and BitMEX transactions and BigONE rows that are not, or no longer, completed.
with bills as (

    select * from {{ ref('int_bitget__bills_judged') }}
    where is_told_by_tax_rows

),

transactions as (

    select * from {{ ref('int_bitmex__transactions') }}
    where status in ('pending', 'canceled')

),

bigone_rows as (

    select
        {{ canonical_id('deposits') }} as row_id,
        {{ bigone_deposit_status() }} as status,
        [''] as legs
    from {{ ref('base_bigone__deposits') }}

    union all

    select
        {{ canonical_id('withdrawals') }} as row_id,
        {{ bigone_withdrawal_status() }} as status,
        [''] as legs
    from {{ ref('base_bigone__withdrawals') }}

    union all

    select
        {{ canonical_id('convert_trades') }} as row_id,
        {{ bigone_conversion_status() }} as status,
        ['/paid', '/received'] as legs
    from {{ ref('base_bigone__convert_trades') }}

),

superseded as (

    select row_id || unnest(legs) as ledger_entry_id
    from bigone_rows
    where status in ('pending', 'failed', 'canceled')

    union all

    select {{ canonical_id('spot_bills') }} as ledger_entry_id
    from bills

    union all

    select {{ canonical_id_by_stream() }} as ledger_entry_id
    from {{ ref('int_bitget__unified_ledger') }}
    where not is_entry

    union all

    select {{ canonical_id('wallet_history') }} as ledger_entry_id
    from transactions

)

select * from superseded
