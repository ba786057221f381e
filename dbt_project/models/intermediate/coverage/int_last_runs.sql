-- The last run of each account and stream: the requests since the check that the sync started with.
with accounts as (

    select * from {{ ref('int_accounts_unioned') }}

),

all_receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

asked_accounts as (

    select distinct account_id from all_receipts
    where origin is distinct from 'file'

),

-- An imported file is no run, unless files are all that an account has.
receipts as (

    select all_receipts.*
    from all_receipts
    left join asked_accounts on all_receipts.account_id = asked_accounts.account_id
    where all_receipts.origin is distinct from 'file' or asked_accounts.account_id is null

),

last_askings as (

    select
        account_id,
        stream,
        max(asked_at) as last_asked_at,
        max(asked_at) filter (where outcome = 'exhausted') as last_success_at
    from receipts
    group by account_id, stream

),

-- A sync starts with a check of the account: the requests since then are its last run.
last_runs as (

    select
        last_askings.*,
        coalesce(accounts.checked_at, last_askings.last_asked_at) as run_at
    from last_askings
    asof left join (select * from accounts where origin is distinct from 'file') as accounts
        on
            last_askings.account_id = accounts.account_id
            and last_askings.last_asked_at >= accounts.checked_at

),

run_receipts as (

    select
        receipts.*,
        last_runs.last_asked_at,
        last_runs.last_success_at,
        case
            -- A removed pair does not affect the result of the run.
            when receipts.error_kind = 'unknown_scope' then 0
            when receipts.outcome = 'exhausted' then 1
            when receipts.outcome = 'row_cap' then 2
            when receipts.outcome = 'unresolved' then 3
            when receipts.outcome = 'failed' then 4
            when receipts.outcome = 'refused' then 5
            when receipts.outcome = 'venue_closed' then 6
        end as badness
    from receipts
    inner join last_runs
        on
            receipts.account_id = last_runs.account_id
            and receipts.stream = last_runs.stream
            and receipts.asked_at >= last_runs.run_at

),

runs as (

    select
        account_id,
        stream,
        any_value(last_asked_at) as last_asked_at,
        any_value(last_success_at) as last_success_at,
        arg_max(outcome, (badness, asked_at, receipt_id)) as last_outcome,
        arg_max(coalesce(error_text, error_kind, 'no reason was given'), (badness, asked_at, receipt_id)) as last_error,
        arg_max(coalesce(error_kind, ''), (badness, asked_at, receipt_id)) as last_error_kind,
        sum(row_count) as rows_last_run
    from run_receipts
    group by account_id, stream

)

select * from runs
