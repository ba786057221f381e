{#-
    Four kinds of rows: moves with both ends stated by the exchange; pairs of two transfer legs;
    pairs of a withdrawal and a deposit; and legs that the exchange calls a transfer without
    stating the other end. A withdrawal or a deposit alone is no transfer: see
    fct_transfer_candidates.
-#}
with deduplicated as (

    select * from {{ ref('int_transfers_deduplicated') }}

),

transfers as (

    select * from {{ ref('int_transfers_unioned') }}

),

pairs as (

    select * from {{ ref('int_transfers_paired') }}

),

open_legs as (

    select * from {{ ref('int_transfer_open_legs') }}
    where leg_kind = 'transfer'

),

withdrawals as (

    select * from {{ ref('int_withdrawals_unioned') }}

),

deposits as (

    select * from {{ ref('int_deposits_unioned') }}

),

whole as (

    select
        * replace (
            'exchange_id' as method,
            -- One leg whose label names the other end is not the exchange's own record of a move.
            case when confidence = 'certain' then 'certain' else 'high' end as confidence
        ),
        record_id as from_record_id,
        record_id as to_record_id
    from deduplicated

),

-- Both legs of a move between two accounts; it goes by the leg that left.
transfer_pairs as (

    select
        outs.* replace (
            ins.to_account_id as to_account_id,
            ins.to_wallet as to_wallet,
            ins.amount_received as amount_received,
            ins.received_at as received_at,
            pairs.method as method,
            pairs.confidence as confidence,
            greatest(outs.loaded_at, ins.loaded_at) as loaded_at
        ),
        outs.record_id as from_record_id,
        ins.record_id as to_record_id
    from pairs
    inner join transfers as outs on pairs.from_leg_id = outs.transfer_id
    inner join transfers as ins on pairs.to_leg_id = ins.transfer_id

),

withdrawal_pairs as (

    select
        withdrawals.withdrawal_id as transfer_id,
        withdrawals.account_id,
        withdrawals.exchange,
        withdrawals.stream,
        withdrawals.record_id,
        withdrawals.account_id as from_account_id,
        withdrawals.wallet as from_wallet,
        deposits.account_id as to_account_id,
        deposits.wallet as to_wallet,
        cast(null as varchar) as counterparty,
        withdrawals.asset,
        withdrawals.exchange_asset,
        withdrawals.amount as amount_sent,
        deposits.amount as amount_received,
        withdrawals.fee_amount,
        withdrawals.fee_asset,
        pairs.method,
        pairs.confidence,
        cast(null as varchar) as note,
        withdrawals.status,
        withdrawals.exchange_status,
        withdrawals.requested_at as sent_at,
        coalesce(deposits.completed_at, deposits.requested_at) as received_at,
        coalesce(withdrawals.tx_hash, deposits.tx_hash) as tx_hash,
        withdrawals.withdrawal_id,
        deposits.deposit_id,
        withdrawals.record_id as from_record_id,
        deposits.record_id as to_record_id,
        withdrawals.origin,
        withdrawals.receipt_id,
        greatest(withdrawals.loaded_at, deposits.loaded_at) as loaded_at
    from pairs
    inner join withdrawals on pairs.from_leg_id = withdrawals.withdrawal_id
    inner join deposits on pairs.to_leg_id = deposits.deposit_id

),

one_sided as (

    select
        transfers.* replace ('one_sided' as method, 'open' as confidence),
        case when transfers.to_account_id is null then transfers.record_id end as from_record_id,
        case when transfers.to_account_id is not null then transfers.record_id end as to_record_id,
        open_legs.gap_id,
        open_legs.gap_account_id,
        open_legs.gap_stream
    from transfers
    anti join pairs on transfers.transfer_id = pairs.from_leg_id
    anti join pairs as arrivals on transfers.transfer_id = arrivals.to_leg_id
    left join open_legs on transfers.transfer_id = open_legs.leg_id
    where transfers.from_account_id is null or transfers.to_account_id is null

),

united as (

    select * from whole

    union all by name

    select * from transfer_pairs

    union all by name

    select * from withdrawal_pairs

    union all by name

    select * from one_sided

)

select * from united
