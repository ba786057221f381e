{#-
    What each wallet holds: the exchange's newest statement (a snapshot, else the running balance of
    the newest ledger row), what the stored rows come to at that moment, and the difference.
-#}
with snapshot_checks as (

    select * from {{ ref('int_snapshot_checks') }}

),

sum_checks as (

    select * from {{ ref('int_sum_checks') }}

),

opening_checks as (

    select * from {{ ref('int_opening_checks') }}

),

levels as (

    select * from {{ ref('int_wallet_levels') }}

),

account_checks as (

    select * from {{ ref('int_accounts_unioned') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'snapshot'

),

wordings as (

    select code, text
    from {{ ref('wordings') }}
    where part = 'check_cause'

),

stream_lives as (

    {{ stream_lives('account_checks', 'specs') }}

),

-- A wallet that ceased with a change of the account's kind holds nothing any more.
ceased as (

    select snapshot_checks.account_id, snapshot_checks.wallet
    from snapshot_checks
    left join stream_lives
        on
            snapshot_checks.account_id = stream_lives.account_id
            and snapshot_checks.detail = stream_lives.stream
    group by snapshot_checks.account_id, snapshot_checks.wallet
    having bool_and(stream_lives.served_until is not null)

),

newest_snapshots as (

    select *, 'snapshot' as balance_source
    from snapshot_checks
    qualify row_number() over (
        partition by account_id, wallet, exchange_asset order by checked_at desc, detail
    ) = 1

),

running_balances as (

    select *, 'running_balance' as balance_source
    from sum_checks
    anti join newest_snapshots using (account_id, wallet, exchange_asset)

),

stated as (

    select * from newest_snapshots

    union all by name

    select * from running_balances

),

-- A difference that the chain of running balances has as well is explained there.
explained as (

    select
        stated.*,
        case stated.expected - stated.computed
            when 0 then null
            when opening_checks.net_residual
                then struct_pack(code := opening_checks.cause_code, words := opening_checks.words)
            when sum_checks.net_residual
                then struct_pack(code := sum_checks.cause_code, words := sum_checks.words)
            else struct_pack(code := stated.cause_code, words := stated.words)
        end as cause
    from stated
    left join opening_checks using (account_id, wallet, exchange_asset)
    left join sum_checks using (account_id, wallet, exchange_asset)

),

rows_now as (

    select
        account_id,
        exchange,
        wallet,
        exchange_asset,
        any_value(asset) as asset,
        arg_max(running_amount, occurred_at) as amount,
        max(occurred_at) as last_moved_at
    from levels
    group by account_id, exchange, wallet, exchange_asset

),

final as (

    select
        -- keys
        concat_ws('/', account_id, wallet, exchange_asset) as balance_id,
        account_id,
        exchange,
        wallet,
        coalesce(stated.asset, rows_now.asset) as asset,
        exchange_asset,

        -- what the exchange says
        cast(stated.expected as decimal(38, 18)) as balance,
        stated.balance_source,
        stated.checked_at as balance_at,

        -- what the rows say
        cast(coalesce(stated.computed, rows_now.amount) as decimal(38, 18)) as rows_amount,
        cast(stated.expected - stated.computed as decimal(38, 18)) as difference,
        wordings.code as cause_code,
        {{ fill_in('wordings.text', 'stated.cause.words') }} as likely_cause,

        -- what the rows moved since then
        cast(
            coalesce(rows_now.amount - stated.computed, 0) as decimal(38, 18)
        ) as moved_since_amount,
        rows_now.last_moved_at
    from explained as stated
    full join rows_now using (account_id, exchange, wallet, exchange_asset)
    left join wordings
        on
            case when stated.balance_source is null then 'balance_not_stated' else stated.cause.code end
            = wordings.code
    anti join ceased using (account_id, wallet)

)

select * from final
