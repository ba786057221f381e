{#-
    Claims about spans of time are gathered from receipts and limits, and every instant between
    an account's opening and its end takes the strongest claim. The weakest of all, "never asked",
    reaches over the whole life, so the result has no holes. What each verdict means, with an
    example: the docs block `verdict`.

    Receipts are many and mostly alike: each goes on where the one before left off. So only short
    rows carry them, keyed by a number, and up to 64 that go on from each other are held against
    the other claims as one. Which of them speaks for a span is looked up in the end.
-#}
with receipts as not materialized (

    select
        account_id,
        exchange,
        stream,
        scope,
        receipt_id,
        asked_from,
        asked_to,
        asked_at,
        oldest_at,
        outcome,
        origin,
        -- What it brought and cannot be read is in no fact, so the span is not proven either.
        is_contradicted or unreadable.receipt_id is not null as is_contradicted,
        case when floor_reason = 'retention' then floor_at end as gone_before
    from {{ ref('int_receipts_unioned') }}
    left join (
        select distinct account_id, receipt_id
        from {{ ref('int_unreadable_rows') }}
    ) as unreadable using (account_id, receipt_id)
    -- Where there was nothing to request by, nothing was requested.
    where error_kind is distinct from 'nothing_to_ask'

),

specs as (

    -- Public history (rates, prices) belongs to no account: missing rows are not a gap.
    select * from {{ ref('int_stream_specs_unioned') }}
    where kind in ('history', 'excluded') and coalesce(is_private, true)

),

account_checks as (

    select * from {{ ref('int_accounts_unioned') }}

),

closed_scopes as (

    select * from {{ ref('int_closed_scopes') }}

),

current_specs as (

    select * from specs
    where is_current

),

-- Limits in force at the time. Requests before the first recorded limits are judged by those.
spec_periods as (

    select
        exchange,
        stream,
        retention_kind,
        case
            when row_number() over periods = 1 then cast('-infinity' as timestamptz)
            else recorded_at
        end as in_force_from,
        lead(recorded_at, 1, cast('infinity' as timestamptz)) over periods as in_force_until
    from specs
    window periods as (partition by exchange, stream order by recorded_at, stream_spec_id)

),

known_scopes as (

    select distinct account_id, stream, scope
    from receipts
    where scope != ''

),

account_evidence as (

    select
        account_id,
        exchange,
        min(asked_from) as asked_from,
        min(oldest_at) as oldest_record_at,
        max(asked_to) as asked_to,
        max(asked_to) filter (where outcome in ('exhausted', 'row_cap', 'unresolved')) as read_to,
        bool_or(origin = 'api') as is_asked
    from receipts
    semi join specs using (exchange, stream)
    group by account_id, exchange

),

-- From here: one life per account, and its streams and scopes within it. An imported file says
-- that the account is there, and nothing of who it is or how far anybody looked.
checked as (

    select
        account_id,
        exchange,
        arg_max(opened_at, checked_at) as opened_at,
        max(checked_at) as mentioned_at,
        max(checked_at) filter (where origin is distinct from 'file') as checked_at
    from account_checks
    group by account_id, exchange

),

lives as (

    select
        account_id,
        exchange,
        case
            when checked.opened_at is not null
                then least(checked.opened_at, account_evidence.oldest_record_at)
            else coalesce(
                least(account_evidence.asked_from, account_evidence.oldest_record_at),
                checked.mentioned_at
            )
        end as starts_at,
        case
            when checked.opened_at is null then 'unknown_start'
            when account_evidence.oldest_record_at < checked.opened_at then 'earlier_record'
            else 'opened_at'
        end as start_reason,
        account_evidence.read_to,
        greatest(
            account_evidence.asked_to,
            checked.checked_at,
            case when not coalesce(account_evidence.is_asked, false) and checked.checked_at is null
                then checked.mentioned_at end
        ) as known_until
    from checked
    full join account_evidence using (account_id, exchange)

),

-- A stream that never could serve this kind of account is none of its streams.
stream_lives as (

    {{ stream_lives('account_checks', 'current_specs') }}

),

places as (

    select
        row_number() over (
            order by lives.account_id, current_specs.stream, known_scopes.scope
        ) as place_id,
        lives.* replace (
            greatest(lives.starts_at, stream_lives.served_after) as starts_at,
            case
                when stream_lives.served_after > lives.starts_at then 'account_changed'
                else lives.start_reason
            end as start_reason
        ),
        stream_lives.served_from,
        stream_lives.served_until,
        current_specs.stream,
        current_specs.stream_spec_id,
        current_specs.kind,
        current_specs.lifecycle,
        current_specs.ends_at as exchange_ends_at,
        coalesce(known_scopes.scope, '') as scope
    from lives
    inner join current_specs on lives.exchange = current_specs.exchange
    left join known_scopes
        on
            lives.account_id = known_scopes.account_id
            and current_specs.stream = known_scopes.stream
    left join stream_lives
        on
            lives.account_id = stream_lives.account_id
            and current_specs.stream = stream_lives.stream
    where coalesce(stream_lives.is_served, true)

),

-- A request without a scope holds for every scope of the stream.
told_of as (

    select account_id, stream, scope as asked_scope, place_id from places
    union all
    select account_id, stream, '' as asked_scope, place_id from places
    where scope != ''

),

askings as (

    select
        told_of.place_id,
        receipts.receipt_id,
        receipts.asked_from,
        receipts.asked_to,
        receipts.asked_at,
        receipts.outcome,
        receipts.origin,
        receipts.is_contradicted,
        receipts.gone_before,
        spec_periods.retention_kind
    from receipts
    inner join told_of
        on
            receipts.account_id = told_of.account_id
            and receipts.stream = told_of.stream
            and receipts.scope = told_of.asked_scope
    inner join spec_periods
        on
            receipts.exchange = spec_periods.exchange
            and receipts.stream = spec_periods.stream
            and receipts.asked_at >= spec_periods.in_force_from
            and receipts.asked_at < spec_periods.in_force_until

),

place_evidence as (

    select
        place_id,
        max(asked_to) filter (where outcome != 'refused') as answered_until,
        max(asked_to) filter (where outcome in ('exhausted', 'row_cap', 'unresolved')) as read_until,
        max(gone_before) filter (where origin = 'api' and outcome != 'venue_closed') as gone_before,
        min(asked_at) filter (where origin = 'api' and outcome != 'venue_closed') as first_asked_at
    from askings
    group by place_id

),

-- The reach of the first request decides between "lost before" and "came too late".
first_askings as (

    select
        askings.place_id,
        askings.receipt_id,
        askings.asked_at,
        askings.gone_before
    from askings
    inner join place_evidence
        on
            askings.place_id = place_evidence.place_id
            and askings.asked_at = place_evidence.first_asked_at
    where askings.origin = 'api' and askings.outcome != 'venue_closed'
    qualify row_number() over (
        partition by askings.place_id order by askings.gone_before nulls first, askings.receipt_id
    ) = 1

),

-- A life ends where the last sync or check looked. Only when that is long ago does it reach to
-- now, and past an exchange's closing only as far as something was read there. A pair that the
-- exchange knows no more ends where that was found.
ended as (

    select
        places.*,
        place_evidence.answered_until,
        place_evidence.read_until,
        place_evidence.gone_before,
        case
            when {{ as_of() }} > places.known_until + interval '{{ var("staleness_hours", 36) }} hours'
                then {{ as_of() }}
            else places.known_until
        end as seen_until,
        least(
            case
                when places.lifecycle = 'closed'
                    then greatest(places.read_to, least(seen_until, places.exchange_ends_at))
                else seen_until
            end,
            places.served_until,
            closed_scopes.closed_at
        ) as life_ends_at
    from places
    left join place_evidence on places.place_id = place_evidence.place_id
    left join closed_scopes
        on
            places.account_id = closed_scopes.account_id
            and places.stream = closed_scopes.stream
            and places.scope = closed_scopes.scope

),

-- Two keys of one account are synced moments apart: such a sliver is not a gap.
bounds as (

    select
        *,
        case
            when
                answered_until < life_ends_at
                and answered_until >= life_ends_at - interval '{{ var("sliver_minutes", 10) }} minutes'
                then answered_until
            else life_ends_at
        end as span_limit
    from ended

),

-- The better verdict (the lower rank) wins; between equals, the later request.
asking_claims as (

    select
        askings.place_id,
        case
            when askings.outcome != 'exhausted' then askings.outcome
            when askings.is_contradicted then 'unverified'
            when askings.origin = 'file' then 'covered_file'
            when askings.retention_kind = 'not_stated' then 'unverified'
            else 'covered_api'
        end as verdict,
        case verdict
            when 'covered_api' then 1
            when 'covered_file' then 2
            when 'unverified' then 3
            when 'unresolved' then 4
            when 'row_cap' then 5
            else 6
        end as badness,
        greatest(
            case
                -- Nothing below its own floor was in the answer, and nobody says that what
                -- happened before the account became one of this kind was.
                when verdict = 'covered_api'
                    then greatest(askings.asked_from, askings.gone_before, bounds.served_from)
                when askings.outcome = 'exhausted'
                    then greatest(askings.asked_from, askings.gone_before)
                -- An attempt that failed means "try again" only as long as that can still help.
                when askings.outcome in ('failed', 'refused')
                    then greatest(askings.asked_from, bounds.gone_before)
                else askings.asked_from
            end,
            bounds.starts_at
        ) as span_start,
        least(askings.asked_to, bounds.span_limit) as span_end,
        askings.receipt_id,
        askings.asked_at
    from askings
    inner join bounds using (place_id)

    union all

    -- The account was changed at an unknown moment between two checks.
    select
        askings.place_id,
        'unverified' as verdict,
        3 as badness,
        greatest(askings.asked_from, askings.gone_before, bounds.starts_at) as span_start,
        least(askings.asked_to, bounds.served_from, bounds.span_limit) as span_end,
        askings.receipt_id,
        askings.asked_at
    from askings
    inner join bounds using (place_id)
    where
        bounds.served_from is not null
        and askings.outcome = 'exhausted'
        and askings.origin = 'api'
        and askings.retention_kind != 'not_stated'

),

-- A request that continues the one before it belongs to the same run.
in_turn as (

    select
        *,
        row_number() over turns as turn,
        coalesce(
            not (
                verdict = lag(verdict) over turns
                and span_start between lag(span_start) over turns and lag(span_end) over turns
                and span_end >= lag(span_end) over turns
            ),
            true
        )
        or turn % 64 = 0 as is_new_run
    from asking_claims
    where span_start < span_end
    window turns as (partition by place_id, badness order by asked_at, receipt_id)

),

-- Within a run a request counts until the next one starts.
turns_of_runs as (

    select
        place_id,
        verdict,
        badness,
        turn,
        receipt_id,
        asked_at,
        span_start,
        case when lead(is_new_run, 1, true) over turns then span_end
            else lead(span_start) over turns end as span_end,
        count_if(is_new_run) over (turns rows unbounded preceding) as run
    from in_turn
    window turns as (partition by place_id, badness order by turn)

),

run_claims as (

    select
        place_id,
        verdict,
        badness,
        run,
        min(span_start) as span_start,
        max(span_end) as span_end
    from turns_of_runs
    group by place_id, verdict, badness, run

),

lost_claims as (

    select
        place_id,
        'lost_to_retention' as verdict,
        7 as badness,
        cast('-infinity' as timestamptz) as claimed_from,
        gone_before as claimed_to,
        receipt_id as evidence_id,
        'receipt' as evidence_kind,
        asked_at
    from first_askings
    where gone_before is not null

),

lapse_claims as (

    select
        bounds.place_id,
        'sync_lapse' as verdict,
        7 as badness,
        coalesce(first_askings.gone_before, cast('-infinity' as timestamptz)) as claimed_from,
        bounds.gone_before as claimed_to,
        cast(null as varchar) as evidence_id,
        'receipt' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from bounds
    inner join first_askings using (place_id)
    where bounds.gone_before is not null

),

closing_claims as (

    select
        place_id,
        'venue_closed' as verdict,
        8 as badness,
        coalesce(read_until, cast('-infinity' as timestamptz)) as claimed_from,
        exchange_ends_at as claimed_to,
        stream_spec_id as evidence_id,
        'spec' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from bounds
    where lifecycle = 'closed' and kind = 'history'

),

-- Data that no route returns, and streams never requested: over the whole history.
whole_claims as (

    select
        place_id,
        case kind when 'excluded' then 'excluded_by_exchange' else 'never_asked' end as verdict,
        9 as badness,
        cast('-infinity' as timestamptz) as claimed_from,
        cast('infinity' as timestamptz) as claimed_to,
        stream_spec_id as evidence_id,
        'spec' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from bounds

),

lasting_claims as (

    select * from lost_claims
    union all
    select * from lapse_claims
    union all
    select * from closing_claims
    union all
    select * from whole_claims

),

all_claims as (

    select
        place_id,
        verdict,
        badness,
        run,
        span_start,
        span_end,
        cast(null as varchar) as evidence_id,
        'receipt' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from run_claims

    union all

    select
        place_id,
        lasting_claims.verdict,
        lasting_claims.badness,
        cast(null as bigint) as run,
        greatest(lasting_claims.claimed_from, bounds.starts_at) as span_start,
        least(lasting_claims.claimed_to, bounds.span_limit) as span_end,
        lasting_claims.evidence_id,
        lasting_claims.evidence_kind,
        lasting_claims.asked_at
    from lasting_claims
    inner join bounds using (place_id)

),

claims as (

    select
        *,
        row_number() over (
            partition by place_id order by badness desc, run, span_start, verdict
        ) as precedence
    from all_claims
    where span_start < span_end

),

painted as (

    {{ paint_spans('claims', ['place_id']) }}

),

judged as (

    select
        painted.place_id,
        painted.span_start,
        painted.span_end,
        painted.precedence,
        claims.verdict,
        claims.badness,
        claims.run,
        claims.evidence_id,
        claims.evidence_kind,
        claims.asked_at
    from painted
    inner join claims using (place_id, precedence)

),

stretched as (

    select
        *,
        verdict is distinct from lag(verdict) over (
            partition by place_id order by span_start
        ) as is_new_span
    from judged

),

numbered as (

    select
        *,
        count_if(is_new_span) over (
            partition by place_id order by span_start
        ) as span_number
    from stretched

),

-- The requests that count in each span. Runs are short: no piece meets more than 64 of them.
spoken as (

    select
        numbered.place_id,
        numbered.span_number,
        arg_max(turns_of_runs.receipt_id, turns_of_runs.turn) as evidence_id,
        count(distinct turns_of_runs.turn) as receipt_count,
        min(turns_of_runs.asked_at) as first_asked_at,
        max(turns_of_runs.asked_at) as last_asked_at
    from turns_of_runs
    inner join numbered
        on
            turns_of_runs.place_id = numbered.place_id
            and turns_of_runs.badness = numbered.badness
            and turns_of_runs.run = numbered.run
            and turns_of_runs.span_start < numbered.span_end
            and numbered.span_start < turns_of_runs.span_end
    where turns_of_runs.span_start < turns_of_runs.span_end
    group by numbered.place_id, numbered.span_number

),

merged as (

    select
        place_id,
        span_number,
        min(span_start) as span_start,
        max(span_end) as span_end,
        any_value(verdict) as verdict,
        arg_max(evidence_id, precedence) as evidence_id,
        arg_max(evidence_kind, precedence) as evidence_kind,
        min(asked_at) as asked_at
    from numbered
    group by place_id, span_number

),

-- The evidence of a lapse is the first request that found the span gone. A place has few lapses:
-- each takes a pause longer than the exchange keeps.
found_gone as (

    select
        merged.place_id,
        merged.span_number,
        min((askings.asked_at, askings.receipt_id)) as first_asking
    from merged
    inner join askings
        on merged.place_id = askings.place_id and merged.span_end <= askings.gone_before
    where
        merged.verdict = 'sync_lapse'
        and askings.origin = 'api'
        and askings.outcome != 'venue_closed'
    group by merged.place_id, merged.span_number

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            bounds.account_id, bounds.stream, bounds.scope, epoch_us(merged.span_start)
        )) as coverage_id,
        bounds.account_id,
        bounds.exchange,
        bounds.stream,
        bounds.scope,

        -- the span and what is known about it
        merged.span_start,
        merged.span_end,
        merged.span_end - merged.span_start as duration,
        merged.verdict,
        merged.verdict in ('covered_api', 'covered_file') as is_complete,

        -- how we know
        coalesce(spoken.evidence_id, found_gone.first_asking[2], merged.evidence_id) as evidence_id,
        merged.evidence_kind,
        coalesce(
            spoken.receipt_count,
            case merged.evidence_kind when 'receipt' then 1 else 0 end
        ) as receipt_count,
        bounds.start_reason,
        bounds.served_from,
        bounds.served_until,
        coalesce(spoken.first_asked_at, found_gone.first_asking[1], merged.asked_at) as first_asked_at,
        coalesce(spoken.last_asked_at, found_gone.first_asking[1], merged.asked_at) as last_asked_at
    from merged
    inner join bounds using (place_id)
    left join spoken using (place_id, span_number)
    left join found_gone using (place_id, span_number)

)

select * from final
