{#-
    The exchange's own totals reconciled with the stored ledger: one row per group that differs, one
    per asset whose groups all agree. Of each exchange that has an
    `int_<exchange>__wallet_summary_checks`.
-#}
with groups as (

    {{ union_exchanges('wallet_summary_checks') }}

),

wrong as (

    select
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        detail,
        expected,
        computed,
        expected - computed as net_residual,
        cast(0 as bigint) as row_count,
        cast(1 as bigint) as break_count,
        checked_at,
        'critical' as severity,
        'group_differs' as cause_code,
        {{ words({'stream': 'stream'}) }} as words
    from groups
    where expected is distinct from computed

),

agreed as (

    select
        account_id,
        exchange,
        wallet,
        any_value(asset) as asset,
        exchange_asset,
        '' as detail,
        any_value(expected) filter (where detail = 'Total') as expected,
        any_value(computed) filter (where detail = 'Total') as computed,
        cast(0 as decimal(38, 18)) as net_residual,
        count(*) as row_count,
        cast(0 as bigint) as break_count,
        max(checked_at) as checked_at,
        'none' as severity
    from groups
    group by account_id, exchange, wallet, exchange_asset
    having bool_and(expected is not distinct from computed)

),

checks as (

    select * from wrong

    union all by name

    select * from agreed

),

final as (

    select
        *,
        'wallet_summary' as kind,
        cast(null as timestamptz) as since_at,
        cast(null as varchar) as record_id
    from checks

)

select * from final
