with records as (

    select * from {{ ref('base_bigone__withdrawals') }}

),

-- Whether the amount includes the fee: see the BigONE page.
amounts as (

    select
        *,
        {{ known_or_zero('fee') }} as fee_charged,
        amount
        {%- if var('bigone_withdrawal_amount', 'net') == 'net' %} + {{ known_or_zero('fee') }}{% endif %} as gross_amount
    from records

),

canonical as (

    select
        -- keys
        {{ canonical_id('withdrawals') }} as withdrawal_id,
        account_id,
        'bigone' as exchange,
        'withdrawals' as stream,
        record_id,

        -- what; BigONE does not state the wallet
        'spot' as wallet,
        {{ bigone_asset_or_unknown('asset_symbol') }} as asset,
        asset_symbol as exchange_asset,
        cast(null as varchar) as network,
        target_address as address,
        memo as address_tag,
        txid as tx_hash,
        is_internal,
        {{ bigone_status_if_whole(bigone_withdrawal_status(), 'asset_symbol', 'gross_amount') }} as status,
        state as exchange_status,

        -- how much
        gross_amount as amount,
        fee_charged as fee_amount,
        {{ bigone_asset_or_unknown('asset_symbol') }} as fee_asset,
        gross_amount - fee_charged as received_amount,

        -- when
        coalesce(inserted_at, occurred_at) as requested_at,
        case
            when {{ bigone_withdrawal_status() }} in ('completed', 'failed', 'canceled')
                then coalesce(completed_at, updated_at, inserted_at, occurred_at)
        end as completed_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from amounts

)

select * from canonical
