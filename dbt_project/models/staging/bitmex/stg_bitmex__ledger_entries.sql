with transactions as (

    select * from {{ ref('int_bitmex__transactions') }}

),

-- Canceled and pending rows change no balance; they are in the list of withdrawals. A row of unknown
-- status is kept, outside the sum.
canonical as (

    select
        -- keys
        {{ canonical_id('wallet_history') }} as ledger_entry_id,
        account_id,
        'bitmex' as exchange,
        'wallet_history' as stream,
        record_id,
        coalesce(order_id, tx) as event_id,

        -- what
        'main' as wallet,
        asset,
        exchange_asset,
        case
            when is_bonus then 'reward'
            else
                case transact_type
                    when 'Deposit' then 'deposit'
                    when 'Withdrawal' then 'withdrawal'
                    when 'RealisedPNL' then 'realised_pnl'
                    when 'Funding' then 'funding'
                    when 'Transfer' then 'transfer'
                    when 'Conversion' then 'conversion'
                    when 'SpotTrade' then 'trade'
                    when 'AffiliatePayout' then 'rebate'
                    else 'unclassified'
                end
        end as entry_type,
        transact_type as exchange_entry_type,
        case
            when transact_type in ('RealisedPNL', 'Funding', 'Conversion', 'SpotTrade')
                then address
        end as market,
        note,
        accounting_regime,
        status,
        transact_status as exchange_status,

        -- how much: the fee is inside the amount already
        amount,
        coalesce(fee_amount, 0) as fee_amount,
        balance_after,

        -- when
        processed_at as occurred_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from transactions
    where status not in ('pending', 'canceled')

)

select * from canonical
