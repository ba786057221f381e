{#- For each stream: what can still be read, what is lost next, and by when a sync must have run. -#}
with coverage as (

    select * from {{ ref('int_coverage_spans') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

closed_scopes as (

    select * from {{ ref('int_closed_scopes') }}

),

unasked as (

    select * from {{ ref('int_unasked_streams') }}

),

-- How fast this account makes rows, for streams that give their newest so many and no more.
paces as (

    select * from {{ ref('int_row_paces') }}

),

stored as (

    select
        coverage.account_id,
        coverage.exchange,
        coverage.stream,
        coverage.scope,
        coverage.span_start,
        coverage.span_end,
        coverage.verdict in ('failed', 'never_asked')
        or (
            coverage.verdict = 'refused'
            -- What only a stronger key may read is not for us to save.
            and not (specs.needs_right is not null and receipts.error_kind is not distinct from 'no_permission')
        ) as can_be_saved,
        -- A removed pair has no new rows, and neither has a stream without anything to request by.
        closed_scopes.scope is null and not coalesce(unasked.is_settled, false) as goes_on,
        specs.retention_seconds,
        specs.lifecycle,
        specs.ends_at as exchange_ends_at,
        specs.retention_kind,
        specs.newest_rows,
        specs.docs_url,
        coalesce(specs.exchange_title, specs.exchange) as title,
        {{ as_of() }} - to_seconds(specs.retention_seconds) as reaches_back_to
    from coverage
    left join closed_scopes using (account_id, stream, scope)
    left join unasked using (account_id, stream)
    inner join specs on coverage.exchange = specs.exchange and coverage.stream = specs.stream
    left join receipts
        on
            coverage.account_id = receipts.account_id
            and coverage.evidence_id = receipts.receipt_id
    -- What the account's kind has no use for any more has nothing left to lose.
    where coverage.served_until is null

),

-- The oldest instant in reach that is not stored and that a sync could still save. Time after
-- the last span is not stored either.
by_scope as (

    select
        account_id,
        stream,
        scope,
        least(
            min(greatest(span_start, reaches_back_to)) filter (
                where can_be_saved and span_end > coalesce(reaches_back_to, span_start)
            ),
            greatest(max(span_end), any_value(reaches_back_to))
        ) as missing_from
    from stored
    where goes_on
    group by account_id, stream, scope

),

by_stream as (

    select
        stored.account_id,
        stored.exchange,
        stored.stream,
        any_value(stored.title) as title,
        any_value(stored.retention_kind) as retention_kind,
        any_value(stored.retention_seconds) as retention_seconds,
        any_value(stored.newest_rows) as newest_rows,
        any_value(stored.lifecycle) as lifecycle,
        any_value(stored.exchange_ends_at) as exchange_ends_at,
        any_value(stored.docs_url) as docs_url,
        any_value(stored.reaches_back_to) as reaches_back_to,
        min(stored.span_start) as starts_at,
        max(stored.span_end) as ends_at,
        min(by_scope.missing_from) as missing_from,
        count(distinct stored.scope) as scope_count
    from stored
    left join by_scope using (account_id, stream, scope)
    group by stored.account_id, stored.exchange, stored.stream

),

paced as (

    select
        by_stream.*,
        paces.busiest_week_rows,
        paces.oldest_given_at,
        by_stream.newest_rows * 604800 // paces.busiest_week_rows as seconds_to_fill
    from by_stream
    left join paces
        on by_stream.account_id = paces.account_id and by_stream.stream = paces.stream

),

moments as (

    select
        *,
        lifecycle != 'active' and exchange_ends_at <= {{ as_of() }} as is_over,
        case
            when is_over then null
            when retention_kind = 'rolling'
                then greatest(starts_at, reaches_back_to, oldest_given_at)
            when retention_kind = 'unlimited' then greatest(starts_at, oldest_given_at)
            else oldest_given_at
        end as oldest_obtainable_at,
        missing_from + to_seconds(retention_seconds) as out_of_time_at,
        missing_from + to_seconds(seconds_to_fill) as pushed_out_at,
        case
            when is_over or missing_from is null then null
            else least(out_of_time_at, pushed_out_at, exchange_ends_at)
        end as next_loss_at,
        coalesce(
            next_loss_at = pushed_out_at
            and next_loss_at is distinct from out_of_time_at
            and next_loss_at is distinct from exchange_ends_at,
            false
        ) as is_estimate,
        -- A tenth of the time there was is left for things to go wrong, half of it where that time
        -- is an estimate, and a day at least.
        to_seconds(greatest(
            case when is_estimate then seconds_to_fill // 2 else retention_seconds // 10 end, 86400
        )) as margin
    from paced

),

final as (

    select
        *,
        case when next_loss_at is not null then missing_from end as next_loss_from,
        next_loss_at - margin as sync_before,
        coalesce({{ as_of() }} >= next_loss_at - margin, false) as at_risk,
        case
            when is_over then 'over'
            when missing_from is null then 'nothing_is_lost'
            when next_loss_at is null and newest_rows is not null then 'newest_rows'
            when next_loss_at is null then 'nothing_is_lost'
            when is_estimate then 'newest_rows'
            when next_loss_at = exchange_ends_at then 'exchange_ends'
            else 'retention'
        end as reason,
        case
            when is_over then 'over'
            when missing_from is null then 'no_value_known'
            when next_loss_at is null and newest_rows is not null then 'newest_rows_unknown'
            when next_loss_at is null and retention_kind = 'unlimited' then 'unlimited'
            when next_loss_at is null then 'not_stated'
            when is_estimate then 'newest_rows'
            when next_loss_at <= {{ as_of() }} then 'losing_rows'
            when next_loss_at = exchange_ends_at then 'exchange_ends'
            else 'retention'
        end as explanation_code
    from moments

)

select * from final
