-- Ledger entries that a newer or better telling has replaced: Bitget's spot bills whose tax rows
-- have arrived, its futures tax rows whose bills have, and BitMEX transactions and BigONE rows that
-- are not, or no longer, completed.
with bills as (

    select * from {{ ref('int_bitget__bills_judged') }}
    where is_told_by_tax_rows

),

futures_tax_rows as (

    select * from {{ ref('int_bitget__tax_futures_judged') }}
    where is_told_by_bills

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

    select {{ canonical_id('tax_future_records') }} as ledger_entry_id
    from futures_tax_rows

    union all

    select {{ canonical_id('wallet_history') }} as ledger_entry_id
    from transactions

)

select * from superseded
