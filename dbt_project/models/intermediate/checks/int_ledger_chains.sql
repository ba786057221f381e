{#-
    The running balance of each wallet and asset, from its first row to its newest. `level` is the
    balance less the sum of the rows: where nothing is missing it is zero from the first row on.
-#}
with moments as (

    select * from {{ ref('int_balance_moments') }}
    where level is not null

),

breaks as (

    select * from {{ ref('int_balance_breaks') }}

),

chains as (

    select
        account_id,
        exchange,
        wallet,
        any_value(asset) as asset,
        exchange_asset,
        arg_min(stream, occurred_at) as stream,
        arg_min(record_id, occurred_at) as first_record_id,
        arg_max(record_id, occurred_at) as last_record_id,
        arg_min(level, occurred_at) as first_level,
        arg_max(level, occurred_at) as last_level,
        arg_max(balance, occurred_at) as last_balance,
        sum(row_count) as row_count,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from moments
    group by account_id, exchange, wallet, exchange_asset

),

break_counts as (

    select
        account_id,
        wallet,
        exchange_asset,
        count(*) as break_count,
        max_by(net_residual, last_broken_at) filter (where break_kind = 'swing') as swing_residual
    from breaks
    group by account_id, wallet, exchange_asset

),

final as (

    select
        -- keys
        chains.account_id,
        chains.exchange,
        chains.wallet,
        chains.asset,
        chains.exchange_asset,
        chains.stream,
        chains.first_record_id,
        chains.last_record_id,

        -- how much
        chains.first_level,
        chains.last_level,
        chains.last_balance,
        chains.row_count,
        coalesce(break_counts.break_count, 0) as break_count,
        break_counts.swing_residual,

        -- when
        chains.first_at,
        chains.last_at
    from chains
    left join break_counts using (account_id, wallet, exchange_asset)

)

select * from final
