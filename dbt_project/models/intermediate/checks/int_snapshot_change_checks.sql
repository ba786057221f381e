-- Steps between two snapshots of a wallet that its rows do not explain, one row per step.
with steps as (

    select * from {{ ref('int_snapshots_reconciled') }}
    where residual != residual_before

),

checks as (

    select
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        'snapshot_change' as kind,
        stream as detail,
        expected - expected_before as expected,
        computed - computed_before as computed,
        residual - residual_before as net_residual,
        cast(0 as bigint) as row_count,
        cast(1 as bigint) as break_count,
        taken_before as since_at,
        taken_at as checked_at,
        cast(null as varchar) as record_id,
        case when is_unledgered then 'info' else 'warning' end as severity,
        'wallet_moved_otherwise' as cause_code,
        {{ words({
            'asset': 'asset', 'before_on': say_when('taken_before'), 'taken_on': say_when('taken_at'),
            'wallet_change': say_amount('expected - expected_before'),
            'rows_change': say_amount('computed - computed_before'),
        }) }} as words
    from steps

)

select * from checks
