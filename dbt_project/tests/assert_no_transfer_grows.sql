-- What arrives of a move between own accounts is at most what was sent.
select
    transfer_id,
    amount_sent,
    amount_received
from {{ ref('fct_transfers') }}
where amount_received > amount_sent
