with records as (

    select * from {{ ref('base_bitget__withdrawal_records') }}

),

-- The record of the unified account takes precedence: it was pending when the account was changed.
unified_records as (

    select
        unified.*,
        case
            when records.record_id is not null then 'withdrawal_records'
            else 'unified_withdrawal_records'
        end as stream
    from {{ ref('base_bitget__unified_withdrawal_records') }} as unified
    left join {{ ref('int_bitget__unified_since') }} as since
        on unified.account_id = since.account_id
    left join records
        on unified.account_id = records.account_id and unified.record_id = records.record_id
    where
        records.record_id is not null
        or coalesce(unified.created_at, unified.occurred_at)
        >= coalesce(since.counts_from, '-infinity')

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
    anti join unified_records using (account_id, record_id)

),

unified as (

    select
        -- keys
        {{ canonical_id_by_stream() }} as withdrawal_id,
        account_id,
        'bitget' as exchange,
        stream,
        record_id,

        -- what
        'unified' as wallet,
        coin as asset,
        coin as exchange_asset,
        chain as network,
        to_address as address,
        tag as address_tag,
        case when dest = 'on_chain' then tx_or_order_id end as tx_hash,
        dest = 'internal_transfer' as is_internal,
        {{ bitget_transaction_status() }} as status,
        status as exchange_status,

        -- how much: the fee is positive in the docs and negative in answers
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
    from unified_records

),

united as (

    select * from canonical

    union all by name

    select * from unified

)

select * from united
