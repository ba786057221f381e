-- Transactions that are not, or no longer, completed, and trades that only the ledger had until
-- their execution arrived.
select
    'ledger_entries' as entity,
    {{ canonical_id('wallet_history') }} as row_id
from {{ ref('int_bitmex__transactions') }}
where status in ('pending', 'canceled')

union all

select
    'trades' as entity,
    {{ canonical_id('wallet_history', 'received_record_id') }} as row_id
from {{ ref('int_bitmex__swaps_paired') }}
where has_execution
