-- The sum of rows and of balances over all wallets with balances: transfers between them cancel.
with newest as (

    select * from {{ ref('int_snapshots_reconciled') }}
    where is_newest and not is_unledgered

),

totals as (

    select
        account_id,
        exchange,
        any_value(asset) as asset,
        exchange_asset,
        sum(expected) as expected,
        sum(computed) as computed,
        sum(residual) as residual,
        min(taken_at) as first_taken_at,
        max(taken_at) as taken_at,
        -- A transfer between two snapshots is in the snapshot of one wallet only.
        max(taken_at) - min(taken_at) > interval '{{ var("sliver_minutes", 10) }} minutes' as is_apart
    from newest
    group by account_id, exchange, exchange_asset
    having count(distinct wallet) > 1

),

checks as (

    select
        account_id,
        exchange,
        'all' as wallet,
        asset,
        exchange_asset,
        'account_total' as kind,
        '' as detail,
        expected,
        computed,
        residual as net_residual,
        cast(0 as bigint) as row_count,
        case when residual = 0 then 0 else 1 end as break_count,
        cast(null as timestamptz) as since_at,
        taken_at as checked_at,
        cast(null as varchar) as record_id,
        case when residual = 0 then 'none' when is_apart then 'warning' else 'critical' end
            as severity,
        case
            when residual = 0 then null
            when is_apart then 'snapshots_apart'
            else 'total_movements_missing'
        end as cause_code,
        {{ words({
            'first_taken_on': say_when('first_taken_at'), 'taken_on': say_when('taken_at'),
        }) }} as words
    from totals

)

select * from checks
