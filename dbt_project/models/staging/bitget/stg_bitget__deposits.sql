with records as (

    select * from {{ ref('base_bitget__deposit_records') }}

),

canonical as (

    select
        -- keys
        {{ canonical_id('deposit_records') }} as deposit_id,
        account_id,
        'bitget' as exchange,
        'deposit_records' as stream,
        record_id,

        -- what
        'spot' as wallet,
        coin as asset,
        coin as exchange_asset,
        chain as network,
        to_address as address,
        tag as address_tag,
        from_address,
        -- Internal moves carry an internal id in the field that holds the hash of the others.
        case when dest = 'on_chain' then trade_id end as tx_hash,
        dest = 'internal_transfer' as is_internal,
        {{ bitget_transaction_status() }} as status,
        status as exchange_status,

        -- how much
        size as amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        coin as fee_asset,

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
