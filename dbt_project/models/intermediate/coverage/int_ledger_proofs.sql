{#-
    What running balances say about a ledger's completeness. A ledger whose every asset starts
    from zero and never breaks has all its rows, whatever the exchange leaves unsaid (rows that
    cancel between two others leave no trace); one that starts from a balance lacks rows before its
    first. A swing is the exchange's, or rows that are missing: it proves nothing.
-#}
with moments as (

    select * from {{ ref('int_balance_moments') }}

),

-- A coin that the exchange renamed without a row does not count as a missing row.
renamed as (

    {{ renamed_differences() }}

),

breaks as (

    select breaks.*
    from {{ ref('int_balance_breaks') }} as breaks
    anti join renamed using (account_id, wallet, asset, net_residual)
    where breaks.break_kind != 'order'

),

opened as (

    select
        account_id,
        wallet,
        exchange_asset,
        any_value(asset) as asset,
        arg_min(stream, occurred_at) as stream,
        arg_min(level, occurred_at) as net_residual,
        min(occurred_at) as first_row_at
    from moments
    where level is not null
    group by account_id, wallet, exchange_asset

),

chains as (

    select
        opened.* exclude (net_residual),
        case when renamed.rename_id is null then opened.net_residual else 0 end as opening_balance
    from opened
    left join renamed using (account_id, wallet, asset, net_residual)

),

break_counts as (

    select
        account_id,
        stream,
        count(*) as break_count
    from breaks
    group by account_id, stream

),

proofs as (

    select
        account_id,
        stream,
        count(*) as asset_count,
        count_if(opening_balance != 0) as opening_count,
        min(first_row_at) as first_row_at,
        arg_min(asset, (opening_balance = 0, first_row_at, asset)) as opening_asset,
        arg_min(opening_balance, (opening_balance = 0, first_row_at, asset)) as opening_balance,
        arg_min(first_row_at, (opening_balance = 0, first_row_at, asset)) as opening_at
    from chains
    group by account_id, stream

),

final as (

    select
        -- keys
        proofs.account_id,
        proofs.stream,

        -- what the balances say
        case
            when proofs.opening_count > 0 then 'rows_before_missing'
            when coalesce(break_counts.break_count, 0) > 0 then 'rows_between_missing'
            else 'whole'
        end as proof,
        proofs.asset_count,
        proofs.opening_count,
        coalesce(break_counts.break_count, 0) as break_count,

        -- where, and one example
        proofs.first_row_at,
        case when proofs.opening_count > 0 then proofs.opening_asset end as opening_asset,
        case when proofs.opening_count > 0 then proofs.opening_balance end as opening_balance,
        case when proofs.opening_count > 0 then proofs.opening_at end as opening_at
    from proofs
    left join break_counts
        on
            proofs.account_id = break_counts.account_id
            and proofs.stream = break_counts.stream

)

select * from final
