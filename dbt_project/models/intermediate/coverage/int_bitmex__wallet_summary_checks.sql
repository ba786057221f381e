{#-
    BitMEX's own totals beside the stored ledger, group by group: one row per currency and
    `transactType`, by symbol where that is `RealisedPNL`, and one `Total` per currency. They must
    agree to the unit (exchange's words for it: walletSummary is the grouped walletHistory).
-#}
with summaries as (

    select * from {{ ref('base_bitmex__wallet_summary') }}

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where exchange = 'bitmex' and stream = 'wallet_summary' and outcome = 'exhausted'

),

ledger as (

    select * from {{ ref('base_bitmex__wallet_history') }}
    where transact_status = 'Completed'

),

assets as (

    select * from {{ ref('int_assets_unioned') }}
    where exchange = 'bitmex'

),

newest as (

    select account_id, receipt_id, asked_at
    from receipts
    qualify row_number() over (partition by account_id order by asked_at desc, receipt_id) = 1

),

-- Groups that an older answer had and the newest has not are no longer said.
said as (

    select
        summaries.account_id,
        summaries.currency,
        summaries.transact_type,
        coalesce(summaries.symbol, '') as symbol,
        summaries.amount_minor
    from summaries
    inner join newest
        on summaries.account_id = newest.account_id and summaries.receipt_id = newest.receipt_id

),

booked as (

    select
        ledger.account_id,
        ledger.currency,
        coalesce(ledger.transact_type, 'without a type') as transact_type,
        case when ledger.transact_type = 'RealisedPNL' then coalesce(ledger.address, '') else '' end
            as symbol,
        ledger.amount_minor
    from ledger
    inner join newest on ledger.account_id = newest.account_id
    where ledger.processed_at <= newest.asked_at
        -- What names no currency is in no total.
        and ledger.currency is not null

),

grouped as (

    select account_id, currency, transact_type, symbol, sum(amount_minor) as amount_minor
    from booked
    group by all

    union all

    select account_id, currency, 'Total' as transact_type, '' as symbol, sum(amount_minor)
    from booked
    group by account_id, currency

),

compared as (

    select
        account_id,
        currency,
        transact_type,
        symbol,
        coalesce(said.amount_minor, 0) as said_minor,
        coalesce(grouped.amount_minor, 0) as booked_minor
    from said
    full join grouped using (account_id, currency, transact_type, symbol)

),

final as (

    select
        -- keys
        compared.account_id,
        'bitmex' as exchange,
        'main' as wallet,
        'wallet_history' as stream,
        coalesce(assets.asset, upper(compared.currency)) as asset,
        compared.currency as exchange_asset,
        trim(compared.transact_type || ' ' || compared.symbol) as detail,

        -- how much
        {{ from_minor_units('compared.said_minor', 'assets.unit_scale') }} as expected,
        {{ from_minor_units('compared.booked_minor', 'assets.unit_scale') }} as computed,

        -- when
        newest.asked_at as checked_at
    from compared
    inner join newest on compared.account_id = newest.account_id
    left join assets on compared.currency = assets.exchange_asset

)

select * from final
