{#- One status per account and stream: green means that no action is required. -#}
with streams as (

    select * from {{ ref('int_sync_states') }}

),

declared as (

    select * from {{ ref('int_declared_accounts') }}

),

wordings as (

    select code, text
    from {{ ref('wordings') }}
    where part = 'sync_state'

),

-- An error that prevents reading a whole account has its own row.
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
        case
            when not is_declared then 'undeclared'
            when last_error is not null then 'unreadable'
            else 'not_synced'
        end as reason_code,
        last_error,
        last_error_at as last_asked_at,
        'identity' as stream
    from declared
    where
        retired_at is null
        and (not is_declared or account_id is null or last_error is not null)

),

statuses as (

    select
        *,
        md5(account_id || '|' || stream) as sync_status_id
    from streams

    union all by name

    select
        *,
        md5(account_id || '|identity|' || label) as sync_status_id,
        0 as rows_last_run,
        0 as row_count,
        0 as open_gaps,
        0 as critical_count,
        0 as unverified_count
    from unread

),

placeholders as (

    select
        *,
        {{ say_when('served_until') }} as served_until_on,
        {{ say_when('next_loss_at') }} as next_loss_on,
        {{ say_when('last_asked_at') }} as last_asked_on,
        case when info_count = 0 then '' end as if_whole,
        case when info_count > 0 then '' end as if_unverified,
        case when is_estimate then '' end as if_estimate
    from statuses

),

final as (

    select
        -- keys
        sync_status_id,
        account_id,
        exchange,
        label,
        stream,

        -- the status and the reason
        case
            when state in ('fine', 'closed', 'beyond_reading', 'replaced', 'retired') then 'green'
            when state in (
                'never_asked', 'failed', 'refused', 'venue_closed', 'losing_rows',
                'closed_with_gaps', 'never_connected', 'not_connected'
            ) then 'red'
            else 'yellow'
        end as light,
        state,
        reason_code,
        {{ fill_in('wordings.text', [
            'title', 'label', 'scope_parameter', 'served_until_on', 'next_loss_on',
            'last_asked_on', 'if_whole', 'if_unverified', 'if_estimate', 'open_gaps', 'last_error'
        ]) }} as reason,

        -- the last run
        last_asked_at,
        last_success_at,
        last_outcome,
        cast(rows_last_run as bigint) as rows_last_run,

        -- what there is
        cast(row_count as bigint) as rows,
        cast(open_gaps as bigint) as open_gaps,
        cast(critical_count as bigint) as critical_gaps,
        cast(unverified_count as bigint) as unverified_spans,
        next_loss_at,
        sync_before
    from placeholders
    left join wordings on placeholders.reason_code = wordings.code

)

select * from final
