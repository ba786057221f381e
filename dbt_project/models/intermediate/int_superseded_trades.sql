-- Trades that were known only from the ledger until their execution was loaded.
with superseded as (

    {{ union_exchanges('superseded') }}

)

select row_id as trade_id
from superseded
where entity = 'trades'
