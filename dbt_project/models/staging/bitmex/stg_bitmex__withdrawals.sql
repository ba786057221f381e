with transactions as (

    select * from {{ ref('int_bitmex__transactions') }}

),

canonical as (

    select
        -- keys
        {{ canonical_id('wallet_history') }} as withdrawal_id,
        account_id,
        'bitmex' as exchange,
        'wallet_history' as stream,
        record_id,

        -- what
        'main' as wallet,
        asset,
        exchange_asset,
        network,
        address,
        memo as address_tag,
        {{ bitmex_tx_hash('tx') }} as tx_hash,
        false as is_internal,
        status,
        transact_status as exchange_status,

        -- how much: the amount is negative and has the fee inside
        abs(amount) as amount,
        coalesce(fee_amount, 0) as fee_amount,
        asset as fee_asset,
        abs(amount) - coalesce(fee_amount, 0) as received_amount,

        -- when: requested hours before it is processed
        requested_at,
        case when status in ('completed', 'canceled') then processed_at end as completed_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from transactions
    where transact_type = 'Withdrawal'

)

select * from canonical
