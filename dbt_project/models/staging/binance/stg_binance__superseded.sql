-- Entries of rows that are not, or no longer, completed.
select
    'ledger_entries' as entity,
    ledger_entry_id as row_id
from {{ ref('int_binance__movements') }}
where status in ('pending', 'failed', 'canceled')
