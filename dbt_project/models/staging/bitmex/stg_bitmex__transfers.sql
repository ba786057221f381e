with transactions as (

    select * from {{ ref('int_bitmex__transactions') }}

),

-- The exchange lists only one side, and not the account of the other. A bonus is no transfer of own
-- money: the ledger has it as a reward.
canonical as (

    select
        -- keys
        {{ canonical_id('wallet_history') }} as transfer_id,
        account_id,
        'bitmex' as exchange,
        'wallet_history' as stream,
        record_id,

        -- from where to where
        case when amount < 0 then account_id end as from_account_id,
        case when amount < 0 then 'main' end as from_wallet,
        case when amount > 0 then account_id end as to_account_id,
        case when amount > 0 then 'main' end as to_wallet,
        address as counterparty,

        -- what
        asset,
        exchange_asset,
        'ledger_leg' as method,
        'one_sided' as confidence,
        note,
        status,
        transact_status as exchange_status,

        -- how much
        case when amount < 0 then -amount end as amount_sent,
        case when amount > 0 then amount end as amount_received,

        -- when
        case when amount < 0 then processed_at end as sent_at,
        case when amount > 0 then processed_at end as received_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from transactions
    where transact_type = 'Transfer' and not is_bonus

)

select * from canonical
