with open_legs as (

    select * from {{ ref('int_transfer_open_legs') }}

),

withdrawals as (

    select * from {{ ref('int_withdrawals_unioned') }}

),

deposits as (

    select * from {{ ref('int_deposits_unioned') }}

),

moved as (

    select
        withdrawal_id as candidate_id,
        'out' as direction,
        account_id,
        exchange,
        stream,
        record_id,
        wallet,
        asset,
        exchange_asset,
        amount,
        fee_amount,
        fee_asset,
        network,
        address,
        tx_hash,
        requested_at as moved_at,
        origin,
        receipt_id,
        loaded_at
    from withdrawals

    union all

    select
        deposit_id as candidate_id,
        'in' as direction,
        account_id,
        exchange,
        stream,
        record_id,
        wallet,
        asset,
        exchange_asset,
        amount,
        fee_amount,
        fee_asset,
        network,
        address,
        tx_hash,
        requested_at as moved_at,
        origin,
        receipt_id,
        loaded_at
    from deposits

),

final as (

    select
        -- keys
        moved.candidate_id,
        moved.direction,
        moved.account_id,
        moved.exchange,
        moved.stream,
        moved.record_id,

        -- what and how much
        moved.wallet,
        moved.asset,
        moved.exchange_asset,
        moved.amount,
        moved.fee_amount,
        moved.fee_asset,
        moved.network,
        moved.address,
        moved.tx_hash,

        -- why its other side is open, and which gap may hide it
        open_legs.open_because,
        open_legs.candidate_count,
        open_legs.gap_id,
        open_legs.gap_account_id,
        open_legs.gap_stream,
        open_legs.gap_count,

        -- when
        moved.moved_at,

        -- where it came from
        moved.origin,
        moved.receipt_id,
        moved.loaded_at
    from moved
    inner join open_legs on moved.candidate_id = open_legs.leg_id

)

select * from final
