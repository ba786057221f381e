-- The wallet history in whole units, without the pseudo row of unrealised profit.
with wallet_history as (

    select * from {{ ref('base_bitmex__wallet_history') }}

),

assets as (

    select * from {{ ref('int_assets_unioned') }}
    where exchange = 'bitmex'

),

-- Open profit is told as a pending row without an id of its own. It is no transaction.
transactions as (

    select * from wallet_history
    where transact_type is distinct from 'UnrealisedPNL'

),

in_whole_units as (

    select
        -- keys
        transactions.account_id,
        transactions.record_id,
        {{ bitmex_id('transactions.order_id') }} as order_id,

        -- what
        coalesce(assets.asset, upper(transactions.currency)) as asset,
        transactions.currency as exchange_asset,
        transactions.transact_type,
        transactions.transact_status,
        {{ bitmex_transaction_status('transactions.transact_status') }} as status,
        transactions.network,
        transactions.address,
        transactions.tx,
        transactions.note,
        transactions.memo,

        -- A bonus names itself in its text, or comes from nobody: address 0.
        coalesce(transactions.transact_type = 'Transfer', false) and (
            coalesce(transactions.address = '0', false)
            or coalesce(
                regexp_matches(lower(transactions.note), 'bonus|reward|promo|airdrop|credit'), false
            )
        ) as is_bonus,

        -- how much
        {{ from_minor_units('transactions.amount_minor', 'assets.unit_scale') }} as amount,
        {{ from_minor_units('transactions.fee_minor', 'assets.unit_scale') }} as fee_amount,
        {{ from_minor_units('transactions.wallet_balance_minor', 'assets.unit_scale') }}
            as balance_after,
        transactions.amount_minor,

        -- when
        coalesce(transactions.transacted_at, transactions.processed_at) as requested_at,
        coalesce(transactions.processed_at, transactions.occurred_at) as processed_at,

        -- How profit was written over the years; see the BitMEX page. Accounts moved to single
        -- events one by one over some weeks: a daily row then is one of noon sharp, with a fee of 0.
        case
            when transactions.transact_type not in ('RealisedPNL', 'Funding') then null
            when transactions.processed_at < timestamptz '2024-03-25 00:00:00+00' then 'R0_daily'
            when
                transactions.processed_at < timestamptz '2024-04-20 00:00:00+00'
                and transactions.fee_minor = 0
                and epoch_us(transactions.transacted_at) % 86400000000 = 43200000000
                then 'R0_daily'
            when transactions.processed_at < timestamptz '2024-09-03 00:00:00+00' then 'R1_events'
            when transactions.processed_at < timestamptz '2024-10-01 12:00:00+00' then 'R2_fees'
            else 'R3_funding'
        end as accounting_regime,

        -- where it came from
        transactions.origin,
        transactions.receipt_id,
        transactions.loaded_at
    from transactions
    left join assets on transactions.currency = assets.exchange_asset

)

select * from in_whole_units
