{#-
    BitMEX's own totals beside the stored ledger, group by group: one row per currency and
    `transactType`, by symbol where that is `RealisedPNL`, and one `Total` per currency. They must
    agree to the unit (exchange's words for it: walletSummary is the grouped walletHistory).

    A summary does not say when it was taken. One in a file is compared with the ledger as it was
    when all its totals were right for the last time; if they never were, with the ledger up to
    the moment the files imported with it were taken.
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

    select account_id, receipt_id, asked_at, taken_at, origin
    from receipts
    qualify row_number() over (
        partition by account_id order by taken_at desc nulls last, asked_at desc, receipt_id
    ) = 1

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

-- The ledger's sum of each currency over time, from nothing on.
sums as (

    select
        account_id,
        currency,
        processed_at as since_at,
        sum(sum(amount_minor)) over (
            partition by account_id, currency order by processed_at
        ) as amount_minor
    from ledger
    group by account_id, currency, processed_at

    union all

    select distinct account_id, currency, cast('-infinity' as timestamptz), 0
    from said

),

lasting as (

    select
        *,
        lead(since_at, 1, cast('infinity' as timestamptz)) over (
            partition by account_id, currency order by since_at
        ) as until_at
    from sums

),

right_spans as (

    select lasting.*
    from lasting
    inner join said using (account_id, currency, amount_minor)
    inner join newest using (account_id)
    where said.transact_type = 'Total' and newest.origin = 'file'

),

right_moments as (

    select
        moments.account_id,
        moments.since_at as right_at
    from (select distinct account_id, since_at from right_spans) as moments
    inner join right_spans
        on
            moments.account_id = right_spans.account_id
            and moments.since_at >= right_spans.since_at
            and moments.since_at < right_spans.until_at
    inner join (
        select account_id, count(*) as total_count
        from said
        where transact_type = 'Total'
        group by account_id
    ) as totals
        on moments.account_id = totals.account_id
    group by moments.account_id, moments.since_at
    having count(*) = any_value(totals.total_count)

),

moments as (

    select
        newest.account_id,
        newest.receipt_id,
        coalesce(
            max(right_moments.right_at) filter (where isfinite(right_moments.right_at)),
            any_value(newest.taken_at),
            any_value(newest.asked_at)
        ) as checked_at
    from newest
    left join right_moments using (account_id)
    group by newest.account_id, newest.receipt_id

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
    inner join moments on ledger.account_id = moments.account_id
    where ledger.processed_at <= moments.checked_at
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

final as (

    select
        -- keys
        account_id,
        'bitmex' as exchange,
        'main' as wallet,
        'wallet_history' as stream,
        coalesce(assets.asset, upper(currency)) as asset,
        currency as exchange_asset,
        trim(transact_type || ' ' || symbol) as detail,

        -- how much
        {{ from_minor_units('coalesce(said.amount_minor, 0)', 'assets.unit_scale') }} as expected,
        {{ from_minor_units('coalesce(grouped.amount_minor, 0)', 'assets.unit_scale') }} as computed,

        -- when
        moments.checked_at
    from said
    full join grouped using (account_id, currency, transact_type, symbol)
    inner join moments using (account_id)
    left join assets on currency = assets.exchange_asset

)

select * from final
