with records as (

    select * from {{ ref('base_bitmart__deposit_withdraw_history') }}
    where {{ bitmart_money_direction() }} = 'deposit'

),

currencies as (

    select * from {{ ref('base_bitmart__currencies') }}

),

canonical as (

    select
        -- keys
        {{ canonical_id('deposit_withdraw_history', 'records.record_id', 'records.account_id') }}
            as deposit_id,
        records.account_id,
        'bitmart' as exchange,
        'deposit_withdraw_history' as stream,
        records.record_id,

        -- what: the network is in the coin's code, and by its own name in the list of coins
        'spot' as wallet,
        {{ bitmart_coin_or_unknown('records.currency') }} as asset,
        {{ bitmart_coin('records.currency') }} as exchange_asset,
        coalesce(
            currencies.network, nullif(split_part(records.currency, '-', 2), '')
        ) as network,
        records.address,
        records.address_memo as address_tag,
        cast(null as varchar) as from_address,
        records.tx_id as tx_hash,
        false as is_internal,
        {{ bitmart_status_if_whole(
            bitmart_money_status('records.status'), 'records.currency', 'records.arrival_amount'
        ) }} as status,
        records.status as exchange_status,

        -- how much: what arrived is net of the fee
        records.arrival_amount as amount,
        {{ known_or_zero('records.fee', 'records.unreadable_amounts') }} as fee_amount,
        {{ bitmart_coin_or_unknown('records.currency') }} as fee_asset,

        -- when: only the request has a time
        coalesce(records.applied_at, records.occurred_at) as requested_at,
        cast(null as timestamptz) as completed_at,

        -- where it came from
        records.origin,
        records.receipt_id,
        records.loaded_at
    from records
    left join currencies on records.currency = currencies.currency

)

select * from canonical
