-- Ledger entries that a newer or better telling has replaced: bills whose tax rows have arrived,
-- and BitMEX transactions that are not, or no longer, completed.
with bills as (

    select * from {{ ref('int_bitget__bills_judged') }}
    where is_told_by_tax_rows

),

transactions as (

    select * from {{ ref('int_bitmex__transactions') }}
    where status in ('pending', 'canceled')

),

superseded as (

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
