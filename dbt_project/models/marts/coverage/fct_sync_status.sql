{#- One status per account and stream: green means that there is nothing to do. -#}
with accounts as (

    select * from {{ ref('int_accounts_unioned') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history' and coalesce(is_private, true)

),

all_receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

declared as (

    select * from {{ ref('int_declared_accounts') }}

),

retired as (

    select account_id
    from declared
    where account_id is not null
    group by account_id
    having bool_and(retired_at is not null)

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

unasked as (

    select * from {{ ref('int_unasked_streams') }}

),

deadlines as (

    select * from {{ ref('fct_deadlines') }}

),

gaps as (

    select * from {{ ref('int_gaps') }}
    where state = 'open'

),

stored_rows as (

    select * from {{ ref('int_stored_rows') }}

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
            -- A pair that is gone says nothing of how the run went.
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

),

gap_counts as (

    select
        account_id,
        stream,
        count_if(severity = 'critical') as critical_count,
        count_if(severity = 'warning') as warning_count,
        count_if(severity = 'info') as info_count,
        count_if(verdict = 'unverified') as unverified_count
    from gaps
    group by account_id, stream

),

stream_lives as (

    {{ stream_lives('accounts', 'specs') }}

),

current_accounts as (

    select * from accounts
    where is_current

),

gathered as (

    select
        current_accounts.account_id,
        current_accounts.exchange,
        coalesce(current_accounts.label, current_accounts.account_id) as label,
        specs.stream,
        coalesce(specs.exchange_title, specs.exchange) as title,
        runs.last_asked_at,
        runs.last_success_at,
        runs.last_outcome,
        runs.last_error,
        runs.last_outcome = 'refused' and runs.last_error_kind = 'no_permission'
        and specs.needs_right is not null as is_beyond_reading,
        coalesce(unasked.is_settled, false) as has_nothing_to_ask_by,
        runs.last_error_kind = 'unknown_scope' as is_unknown_scope,
        specs.scope as scope_parameter,
        coalesce(runs.rows_last_run, 0) as rows_last_run,
        coalesce(stored_rows.row_count, 0) as row_count,
        coalesce(gap_counts.critical_count, 0) as critical_count,
        coalesce(gap_counts.warning_count, 0) as warning_count,
        coalesce(gap_counts.info_count, 0) as info_count,
        coalesce(gap_counts.unverified_count, 0) as unverified_count,
        deadlines.next_loss_at,
        deadlines.sync_before,
        coalesce(deadlines.at_risk, false) as is_at_risk,
        case when deadlines.is_estimate then ' (an estimate)' end as estimate_words,
        specs.lifecycle != 'active' and specs.ends_at <= {{ as_of() }} as is_over,
        stream_lives.served_until,
        specs.ended_at,
        coalesce(
            runs.last_asked_at
            < {{ as_of() }} - interval '{{ var("staleness_hours", 36) }} hours',
            true
        ) as is_stale
    from current_accounts
    inner join specs on current_accounts.exchange = specs.exchange
    left join stream_lives
        on
            current_accounts.account_id = stream_lives.account_id
            and specs.stream = stream_lives.stream
    left join runs
        on current_accounts.account_id = runs.account_id and specs.stream = runs.stream
    left join unasked
        on current_accounts.account_id = unasked.account_id and specs.stream = unasked.stream
    left join stored_rows
        on
            current_accounts.account_id = stored_rows.account_id
            and specs.stream = stored_rows.stream
    left join gap_counts
        on
            current_accounts.account_id = gap_counts.account_id
            and specs.stream = gap_counts.stream
    left join deadlines
        on
            current_accounts.account_id = deadlines.account_id
            and specs.stream = deadlines.stream
    where coalesce(stream_lives.is_served, true)

),

judged as (

    select
        *,
        case
            when account_id in (select account_id from retired) then 'retired'
            when is_over and critical_count + warning_count > 0 then 'closed_with_gaps'
            when is_over then 'closed'
            when served_until is not null and critical_count + warning_count = 0 then 'replaced'
            when served_until is not null then 'gaps'
            when has_nothing_to_ask_by then 'fine'
            when last_asked_at is null then 'never_asked'
            when is_beyond_reading then 'beyond_reading'
            when last_outcome in ('failed', 'refused', 'venue_closed') and not is_unknown_scope
                then last_outcome
            when is_at_risk and next_loss_at <= {{ as_of() }} then 'losing_rows'
            when is_at_risk then 'at_risk'
            when last_outcome in ('row_cap', 'unresolved') then last_outcome
            when is_stale then 'stale'
            when critical_count + warning_count > 0 then 'gaps'
            else 'fine'
        end as state
    from gathered

),

-- What keeps a whole account from being read has a row of its own.
unread as (

    select
        coalesce(account_id, concat(exchange, ':?', label)) as account_id,
        exchange,
        label,
        case
            when not is_declared then 'undeclared'
            when account_id is null then 'never_connected'
            else 'not_connected'
        end as state,
        last_error,
        last_error_at
    from declared
    where
        retired_at is null
        and (not is_declared or account_id is null or last_error is not null)

),

streams as (

    select
        -- keys
        md5(account_id || '|' || stream) as sync_status_id,
        account_id,
        exchange,
        label,
        stream,

        -- the status and the reason
        case
            when state in ('fine', 'closed', 'beyond_reading', 'replaced', 'retired') then 'green'
            when state in (
                'never_asked', 'failed', 'refused', 'venue_closed', 'losing_rows',
                'closed_with_gaps'
            ) then 'red'
            else 'yellow'
        end as light,
        state,
        case state
            when 'fine' then case
                when has_nothing_to_ask_by
                    then concat('nothing to ask: no ', scope_parameter, ' of this account is known')
                when info_count > 0 then 'read to the end; what can be known is known'
                else 'read to the end; nothing is missing'
            end
            when 'retired' then 'the account is retired: its history stays as it is'
            when 'beyond_reading' then concat('not read, and no need to: ', last_error)
            when 'replaced' then concat(
                'ended on ', {{ say_when('served_until') }},
                case
                    when ended_at is not null then ', when lookback last read this stream'
                    else ', when the account was last of its kind'
                end,
                case
                    when info_count > 0 then '; what can be known is known'
                    else '; nothing is missing'
                end
            )
            when 'closed' then concat(
                title, ' has closed; ',
                case
                    when info_count > 0 then 'what can be known is known'
                    else 'nothing that was there is missing'
                end
            )
            when 'closed_with_gaps' then concat(
                title, ' has closed; gaps that stay open: ', critical_count + warning_count,
                ' (see fct_gaps)'
            )
            when 'never_asked' then concat('not asked yet: run `lookback sync ', label, '`')
            when 'losing_rows' then concat(
                'rows are dropping out of reach now', estimate_words, ': sync at once'
            )
            when 'at_risk' then concat(
                'sync soon: rows drop out of reach on ', {{ say_when('next_loss_at') }},
                estimate_words
            )
            when 'stale' then concat('not synced since ', {{ say_when('last_asked_at') }})
            when 'gaps' then concat(
                'synced; gaps that are open: ', critical_count + warning_count, ' (see fct_gaps)'
            )
            when 'row_cap' then 'the API gave its newest rows only: see fct_gaps'
            when 'unresolved' then 'more rows share one moment than a page shows: see fct_gaps'
            when 'failed' then concat('the last sync failed: ', last_error)
            when 'refused' then concat(title, ' refused the last sync: ', last_error)
            else concat(title, ' did not answer as an exchange that is open: ', last_error)
        end as reason,

        -- the last run
        last_asked_at,
        last_success_at,
        last_outcome,
        cast(rows_last_run as bigint) as rows_last_run,

        -- what there is
        cast(row_count as bigint) as "rows",
        cast(critical_count + warning_count as bigint) as open_gaps,
        cast(critical_count as bigint) as critical_gaps,
        cast(unverified_count as bigint) as unverified_spans,
        next_loss_at,
        sync_before
    from judged

),

final as (

    select * from streams

    union all by name

    select
        md5(account_id || '|identity|' || label) as sync_status_id,
        account_id,
        exchange,
        label,
        'identity' as stream,
        case when state = 'undeclared' then 'yellow' else 'red' end as light,
        state,
        case
            when state = 'undeclared'
                then concat(
                    'not declared any more: declare it again, or run `lookback accounts retire ',
                    label, '`'
                )
            when last_error is not null then concat('could not be read: ', last_error)
            else concat('not synced yet: run `lookback sync ', label, '`')
        end as reason,
        last_error_at as last_asked_at,
        cast(0 as bigint) as rows_last_run,
        cast(0 as bigint) as "rows",
        cast(0 as bigint) as open_gaps,
        cast(0 as bigint) as critical_gaps,
        cast(0 as bigint) as unverified_spans
    from unread

)

select * from final
