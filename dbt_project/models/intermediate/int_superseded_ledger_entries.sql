-- Ledger entries that a newer or better source has replaced, or that are not completed any more.
with superseded as (

    {{ union_exchanges('superseded') }}

)

select row_id as ledger_entry_id
from superseded
where entity = 'ledger_entries'
