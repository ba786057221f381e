-- Trades that only the ledger told until their execution arrived.
with superseded as (

    {{ union_exchanges('superseded') }}

)

select row_id as trade_id
from superseded
where entity = 'trades'
