with records as (

    select * from {{ ref('base_bitget__withdrawal_records') }}

),

canonical as (

    select
        -- keys
        {{ canonical_id('withdrawal_records') }} as withdrawal_id,
        account_id,
        'bitget' as exchange,
        'withdrawal_records' as stream,
        record_id,

        -- what
        'spot' as wallet,
        coin as asset,
        coin as exchange_asset,
        chain as network,
        to_address as address,
        tag as address_tag,
        case when dest = 'on_chain' then trade_id end as tx_hash,
        dest = 'internal_transfer' as is_internal,
        {{ bitget_transaction_status() }} as status,
        status as exchange_status,

        -- how much: `size` is gross and the fee, written as negative, inside it
        abs(size) as amount,
        coalesce(abs(fee), 0) as fee_amount,
        coin as fee_asset,
        abs(size) - coalesce(abs(fee), 0) as received_amount,

        -- when
        coalesce(created_at, occurred_at) as requested_at,
        case
            when {{ bitget_transaction_status() }} in ('completed', 'failed')
                then coalesce(updated_at, created_at, occurred_at)
        end as completed_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from records

)

select * from canonical
