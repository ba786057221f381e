{#- The state of each account and stream, and what it follows from. -#}
with accounts as (

    select * from {{ ref('int_accounts_unioned') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history' and coalesce(is_private, true)

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

unasked as (

    select * from {{ ref('int_unasked_streams') }}

),

deadlines as (

    select * from {{ ref('int_deadlines') }}

),

gaps as (

    select * from {{ ref('int_gaps') }}
    where state = 'open'

),

stored_rows as (

    select * from {{ ref('int_stored_rows') }}

),

runs as (

    select * from {{ ref('int_last_runs') }}

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
        deadlines.is_estimate,
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

final as (

    select
        *,
        critical_count + warning_count as open_gaps,
        case
            when state = 'fine' and has_nothing_to_ask_by then 'no_value_known'
            when state = 'fine' and info_count > 0 then 'fine_as_far_as_known'
            when state = 'replaced' and ended_at is not null then 'stream_ended'
            else state
        end as reason_code
    from judged

)

select * from final
