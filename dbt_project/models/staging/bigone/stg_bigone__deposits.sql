with records as (

    select * from {{ ref('base_bigone__deposits') }}

),

canonical as (

    select
        -- keys
        {{ canonical_id('deposits') }} as deposit_id,
        account_id,
        'bigone' as exchange,
        'deposits' as stream,
        record_id,

        -- what
        coalesce(lower(target_account), 'spot') as wallet,
        {{ bigone_asset_or_unknown('asset_symbol') }} as asset,
        asset_symbol as exchange_asset,
        cast(null as varchar) as network,
        cast(null as varchar) as address,
        memo as address_tag,
        cast(null as varchar) as from_address,
        txid as tx_hash,
        is_internal,
        {{ bigone_status_if_whole(bigone_deposit_status(), 'asset_symbol', 'amount') }} as status,
        state as exchange_status,

        -- how much
        amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        {{ bigone_asset_or_unknown('asset_symbol') }} as fee_asset,

        -- when
        coalesce(inserted_at, occurred_at) as requested_at,
        case
            when {{ bigone_deposit_status() }} in ('completed', 'canceled')
                then coalesce(updated_at, inserted_at, occurred_at)
        end as completed_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from records
    where {{ bigone_deposit_type() }} != 'reward'

)

select * from canonical
