-- Spot bills whose tax rows have arrived, futures tax rows whose bills have, rows of the unified
-- ledger that are no entries, and trades that the ledger alone told until their execution arrived.
select
    'ledger_entries' as entity,
    {{ canonical_id('spot_bills') }} as row_id
from {{ ref('int_bitget__bills_judged') }}
where is_told_by_tax_rows

union all

select
    'ledger_entries' as entity,
    {{ canonical_id('tax_future_records') }} as row_id
from {{ ref('int_bitget__tax_futures_judged') }}
where is_told_by_bills

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
from {{ ref('int_bitget__unified_pairs_told') }}
