with ledger as (

    select * from {{ ref('base_bitmart__futures_ledger') }}
    where lower(flow_name) = 'transfer' and amount <> 0

),

-- The list of transfers wants a key that can trade; the ledger tells the same moves from the
-- futures side. Where money for copied trades comes from is not told.
canonical as (

    select
        -- keys
        {{ canonical_id('futures_ledger') }} as transfer_id,
        account_id,
        'bitmart' as exchange,
        'futures_ledger' as stream,
        record_id,

        -- from where to where
        case when amount < 0 or coalesce(account, '') <> 'copy_trading' then account_id end
            as from_account_id,
        case
            when amount < 0 then {{ bitmart_futures_wallet() }}
            when coalesce(account, '') <> 'copy_trading' then 'spot'
        end as from_wallet,
        case when amount > 0 or coalesce(account, '') <> 'copy_trading' then account_id end
            as to_account_id,
        case
            when amount > 0 then {{ bitmart_futures_wallet() }}
            when coalesce(account, '') <> 'copy_trading' then 'spot'
        end as to_wallet,
        cast(null as varchar) as counterparty,

        -- what
        asset,
        asset as exchange_asset,
        'ledger_leg' as method,
        'one_sided' as confidence,
        flow_name as note,
        'completed' as status,
        cast(null as varchar) as exchange_status,

        -- how much
        abs(amount) as amount_sent,
        abs(amount) as amount_received,

        -- when
        coalesce(moved_at, occurred_at) as sent_at,
        coalesce(moved_at, occurred_at) as received_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from ledger

)

select * from canonical
