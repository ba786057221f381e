with transfers as (

    select * from {{ ref('int_transfers_united') }}

),

final as (

    select
        -- keys
        transfer_id,
        account_id,
        exchange,
        stream,
        record_id,

        -- from where to where
        from_account_id,
        from_wallet,
        to_account_id,
        to_wallet,
        counterparty,

        -- what
        asset,
        exchange_asset,

        -- how much
        amount_sent,
        amount_received,
        fee_amount,
        fee_asset,

        -- how we know
        method,
        confidence,
        from_record_id,
        to_record_id,
        withdrawal_id,
        deposit_id,
        tx_hash,
        note,
        status,
        exchange_status,

        -- where the other side of a one-sided leg may be
        gap_id,
        gap_account_id,
        gap_stream,

        -- when
        sent_at,
        received_at,
        {{ utc_day('coalesce(sent_at, received_at)') }} as moved_on,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from transfers

)

select * from final
