-- The sum of all rows of a wallet, compared with its newest snapshot.
with newest as (

    select * from {{ ref('int_snapshots_reconciled') }}
    where is_newest

),

chains as (

    select * from {{ ref('int_ledger_chains') }}

),

reaches as (

    select * from {{ ref('int_stream_reaches') }}

),

account_totals as (

    select * from {{ ref('int_account_total_checks') }}

),

checks as (

    select
        newest.account_id,
        newest.exchange,
        newest.wallet,
        newest.asset,
        newest.exchange_asset,
        'snapshot' as kind,
        newest.stream as detail,
        newest.expected,
        newest.computed,
        newest.residual as net_residual,
        coalesce(chains.row_count, 0) as row_count,
        case when newest.residual = 0 then 0 else 1 end as break_count,
        chains.first_at as since_at,
        newest.taken_at as checked_at,
        cast(null as varchar) as record_id,
        case
            when newest.residual = 0 then 'none'
            when newest.is_unledgered then 'info'
            when newest.residual = chains.last_level then 'warning'
            when account_totals.net_residual = 0 then 'info'
            when reaches.read_until < newest.taken_at then 'info'
            else 'critical'
        end as severity,
        case
            when newest.residual = 0 then null
            when newest.is_unledgered then 'no_ledger'
            when newest.residual = chains.last_level then 'same_as_sum'
            when account_totals.net_residual = 0 then 'moved_between_wallets'
            when reaches.read_until < newest.taken_at then 'ledger_not_read'
            when newest.last_moved_at is null then 'no_row'
            else 'movements_missing'
        end as cause_code,
        {{ words({'read_until': say_when('reaches.read_until')}) }} as words
    from newest
    left join chains
        on
            newest.account_id = chains.account_id
            and newest.wallet = chains.wallet
            and newest.exchange_asset = chains.exchange_asset
    left join reaches
        on chains.account_id = reaches.account_id and chains.stream = reaches.stream
    left join account_totals
        on
            newest.account_id = account_totals.account_id
            and newest.exchange_asset = account_totals.exchange_asset
    where
        newest.expected != 0
        or newest.last_moved_at is not null
        or chains.row_count is not null

)

select * from checks
