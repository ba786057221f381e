-- Ledger entries that a newer or better telling has replaced: Bitget's spot bills whose tax rows
-- have arrived, its futures tax rows whose bills have, and BitMEX transactions that are not, or no
-- longer, completed.
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

superseded as (

    select {{ canonical_id('spot_bills') }} as ledger_entry_id
    from bills

    union all

    select {{ canonical_id('tax_future_records') }} as ledger_entry_id
    from futures_tax_rows

    union all

    select {{ canonical_id('wallet_history') }} as ledger_entry_id
    from transactions

)

select * from superseded
