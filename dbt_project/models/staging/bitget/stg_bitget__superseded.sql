-- Spot bills with a tax record, futures tax records with a bill, rows of the unified ledger that are
-- no entries, and trades derived from the ledger whose execution arrived later.
select
    'ledger_entries' as entity,
    {{ canonical_id('spot_bills') }} as row_id
from {{ ref('int_bitget__bills_judged') }}
where has_tax_record

union all

select
    'ledger_entries' as entity,
    {{ canonical_id('tax_future_records') }} as row_id
from {{ ref('int_bitget__tax_futures_judged') }}
where has_bill

union all

select
    'ledger_entries' as entity,
    {{ canonical_id_by_stream() }} as row_id
from {{ ref('int_bitget__unified_ledger') }}
where not is_entry

union all

select
    'trades' as entity,
    {{ canonical_id_by_stream() }} as row_id
from {{ ref('int_bitget__ledger_pairs') }}
where kind = 'trade' and is_explained_by_fill

union all

select
    'trades' as entity,
    {{ canonical_id('unified_tax_records') }} as row_id
from {{ ref('int_bitget__unified_pairs_executed') }}
