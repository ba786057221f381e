-- The received amount of a transfer between own accounts is at most the sent amount.
select
    transfer_id,
    amount_sent,
    amount_received
from {{ ref('fct_transfers') }}
where amount_received > amount_sent
