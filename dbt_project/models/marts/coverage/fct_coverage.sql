{#-
    Claims about spans of time are gathered from receipts and limits, and every instant between
    an account's opening and its end takes the strongest claim. The weakest of all, "never asked",
    reaches over the whole life, so the result has no holes. What each verdict means, with an
    example: the docs block `verdict`.
-#}
with receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

specs as (

    -- Public history (rates, prices) is nobody's: a hole in it is no gap in an account.
    select * from {{ ref('int_stream_specs_unioned') }}
    where kind in ('history', 'excluded') and coalesce(is_private, true)

),

account_checks as (

    select * from {{ ref('int_accounts_unioned') }}

),

closed_scopes as (

    select * from {{ ref('int_closed_scopes') }}

),

-- Limits as they stood. What was asked before any were recorded is judged by the first.
spec_periods as (

    select
        exchange,
        stream,
        stream_spec_id,
        retention_kind,
        case
            when recorded_at = min(recorded_at) over (partition by exchange, stream)
                then cast('-infinity' as timestamptz)
            else recorded_at
        end as in_force_from
    from specs

),

known_scopes as (

    select distinct account_id, stream, scope
    from receipts
    where scope != ''

),

-- What was asked without a scope holds for every scope of the stream.
history_receipts as (

    select
        receipts.* replace (coalesce(known_scopes.scope, receipts.scope) as scope),
        spec_periods.retention_kind,
        case when receipts.floor_reason = 'retention' then receipts.floor_at end as gone_before
    from receipts
    asof join spec_periods
        on
            receipts.exchange = spec_periods.exchange
            and receipts.stream = spec_periods.stream
            and receipts.asked_at >= spec_periods.in_force_from
    left join known_scopes
        on
            receipts.scope = ''
            and receipts.account_id = known_scopes.account_id
            and receipts.stream = known_scopes.stream

),

-- From here: one life per account, and its streams and scopes within it.
accounts as (

    select
        account_id,
        exchange,
        arg_max(opened_at, checked_at) as opened_at,
        max(checked_at) as checked_at
    from (
        select account_id, exchange, opened_at, checked_at from account_checks
        union all
        select distinct account_id, exchange, null, null from history_receipts
    )
    group by account_id, exchange

),

account_evidence as (

    select
        account_id,
        min(asked_from) as asked_from,
        min(oldest_at) as oldest_record_at,
        max(asked_to) as asked_to,
        max(asked_to) filter (where outcome in ('exhausted', 'row_cap', 'unresolved')) as read_to
    from history_receipts
    group by account_id

),

lives as (

    select
        accounts.account_id,
        accounts.exchange,
        case
            when accounts.opened_at is not null
                then least(accounts.opened_at, account_evidence.oldest_record_at)
            else coalesce(
                least(account_evidence.asked_from, account_evidence.oldest_record_at),
                accounts.checked_at
            )
        end as starts_at,
        case
            when accounts.opened_at is null then 'unknown_start'
            when account_evidence.oldest_record_at < accounts.opened_at then 'earlier_record'
            else 'opened_at'
        end as start_reason,
        account_evidence.read_to,
        greatest(account_evidence.asked_to, accounts.checked_at) as known_until
    from accounts
    left join account_evidence on accounts.account_id = account_evidence.account_id

),

current_specs as (

    select * from specs
    where is_current

),

-- A stream that never could serve this kind of account is none of its streams.
stream_lives as (

    {{ stream_lives('account_checks', 'current_specs') }}

),

scopes as (

    select
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

scope_evidence as (

    select
        account_id,
        stream,
        scope,
        max(asked_to) filter (where outcome != 'refused') as answered_until,
        max(asked_to) filter (where outcome in ('exhausted', 'row_cap', 'unresolved')) as read_until,
        max(gone_before) filter (where origin = 'api' and outcome != 'venue_closed') as gone_before
    from history_receipts
    group by account_id, stream, scope

),

-- What the first asking could still reach decides between "lost before" and "came too late".
first_askings as (

    select
        account_id,
        stream,
        scope,
        receipt_id,
        asked_at,
        gone_before
    from history_receipts
    where origin = 'api' and outcome != 'venue_closed'
    qualify row_number() over (
        partition by account_id, stream, scope
        order by asked_at, gone_before nulls first, receipt_id
    ) = 1

),

-- A life ends where the last sync or check looked. Only when that is long ago does it reach to
-- now, and past an exchange's closing only as far as something was read there. A pair that the
-- exchange knows no more ends where that was found.
ended as (

    select
        scopes.*,
        scope_evidence.answered_until,
        scope_evidence.read_until,
        scope_evidence.gone_before,
        case
            when {{ as_of() }} > scopes.known_until + interval '{{ var("staleness_hours", 36) }} hours'
                then {{ as_of() }}
            else scopes.known_until
        end as seen_until,
        case
            when scopes.lifecycle = 'closed'
                then greatest(scopes.read_to, least(seen_until, scopes.exchange_ends_at))
            else least(seen_until, scopes.served_until, closed_scopes.closed_at)
        end as life_ends_at
    from scopes
    left join scope_evidence
        on
            scopes.account_id = scope_evidence.account_id
            and scopes.stream = scope_evidence.stream
            and scopes.scope = scope_evidence.scope
    left join closed_scopes
        on
            scopes.account_id = closed_scopes.account_id
            and scopes.stream = closed_scopes.stream
            and scopes.scope = closed_scopes.scope

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

receipt_claims as (

    select
        history_receipts.account_id,
        history_receipts.stream,
        history_receipts.scope,
        case
            when history_receipts.outcome != 'exhausted' then history_receipts.outcome
            when history_receipts.is_contradicted then 'unverified'
            when history_receipts.origin = 'file' then 'covered_file'
            when history_receipts.retention_kind = 'not_stated' then 'unverified'
            else 'covered_api'
        end as verdict,
        case
            -- Nothing below its own floor was in the answer, and nobody says that what happened
            -- before the account became one of this kind was.
            when history_receipts.outcome = 'exhausted' and history_receipts.origin = 'api'
                then greatest(
                    history_receipts.asked_from, history_receipts.gone_before, bounds.served_from
                )
            when history_receipts.outcome = 'exhausted'
                then greatest(history_receipts.asked_from, history_receipts.gone_before)
            -- An attempt that failed means "try again" only as long as that can still help.
            when history_receipts.outcome in ('failed', 'refused')
                then greatest(history_receipts.asked_from, bounds.gone_before)
            else history_receipts.asked_from
        end as claimed_from,
        history_receipts.asked_to as claimed_to,
        history_receipts.receipt_id as evidence_id,
        'receipt' as evidence_kind,
        history_receipts.asked_at
    from history_receipts
    inner join bounds using (account_id, stream, scope)

),

-- The account was changed at an unknown moment between two checks.
change_claims as (

    select
        history_receipts.account_id,
        history_receipts.stream,
        history_receipts.scope,
        'unverified' as verdict,
        greatest(history_receipts.asked_from, history_receipts.gone_before) as claimed_from,
        least(history_receipts.asked_to, bounds.served_from) as claimed_to,
        history_receipts.receipt_id as evidence_id,
        'receipt' as evidence_kind,
        history_receipts.asked_at
    from history_receipts
    inner join bounds using (account_id, stream, scope)
    where
        history_receipts.outcome = 'exhausted'
        and history_receipts.origin = 'api'
        and bounds.served_from is not null

),

lost_claims as (

    select
        account_id,
        stream,
        scope,
        'lost_to_retention' as verdict,
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
        bounds.account_id,
        bounds.stream,
        bounds.scope,
        'sync_lapse' as verdict,
        coalesce(first_askings.gone_before, cast('-infinity' as timestamptz)) as claimed_from,
        bounds.gone_before as claimed_to,
        cast(null as varchar) as evidence_id,
        'receipt' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from bounds
    inner join first_askings using (account_id, stream, scope)
    where bounds.gone_before is not null

),

closing_claims as (

    select
        account_id,
        stream,
        scope,
        'venue_closed' as verdict,
        coalesce(read_until, cast('-infinity' as timestamptz)) as claimed_from,
        exchange_ends_at as claimed_to,
        stream_spec_id as evidence_id,
        'spec' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from bounds
    where lifecycle = 'closed' and kind = 'history'

),

-- What no route tells: over the whole life, whatever was asked.
exclusion_claims as (

    select
        account_id,
        stream,
        scope,
        'excluded_by_exchange' as verdict,
        cast('-infinity' as timestamptz) as claimed_from,
        cast('infinity' as timestamptz) as claimed_to,
        stream_spec_id as evidence_id,
        'spec' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from bounds
    where kind = 'excluded'

),

never_asked_claims as (

    select
        account_id,
        stream,
        scope,
        'never_asked' as verdict,
        cast('-infinity' as timestamptz) as claimed_from,
        cast('infinity' as timestamptz) as claimed_to,
        stream_spec_id as evidence_id,
        'spec' as evidence_kind,
        cast(null as timestamptz) as asked_at
    from bounds
    where kind = 'history'

),

all_claims as (

    select * from receipt_claims
    union all
    select * from change_claims
    union all
    select * from lost_claims
    union all
    select * from lapse_claims
    union all
    select * from closing_claims
    union all
    select * from exclusion_claims
    union all
    select * from never_asked_claims

),

clipped as (

    select
        all_claims.* exclude (claimed_from, claimed_to),
        bounds.exchange,
        bounds.start_reason,
        bounds.served_from,
        bounds.served_until,
        greatest(all_claims.claimed_from, bounds.starts_at) as span_start,
        least(all_claims.claimed_to, bounds.span_limit) as span_end
    from all_claims
    inner join bounds using (account_id, stream, scope)
    where greatest(all_claims.claimed_from, bounds.starts_at)
        < least(all_claims.claimed_to, bounds.span_limit)

),

-- The better verdict wins; between equals, the later asking.
claims as (

    select
        *,
        row_number() over (
            partition by account_id, stream, scope
            order by
                case verdict
                    when 'covered_api' then 1
                    when 'covered_file' then 2
                    when 'unverified' then 3
                    when 'unresolved' then 4
                    when 'row_cap' then 5
                    when 'never_asked' then 9
                    when 'lost_to_retention' then 7
                    when 'sync_lapse' then 7
                    else case evidence_kind when 'receipt' then 6 else 8 end
                end desc,
                asked_at nulls first,
                evidence_id nulls first,
                span_start
        ) as precedence
    from clipped

),

painted as (

    {{ paint_spans('claims', ['account_id', 'stream', 'scope']) }}

),

judged as (

    select
        painted.account_id,
        claims.exchange,
        painted.stream,
        painted.scope,
        painted.span_start,
        painted.span_end,
        claims.verdict,
        claims.evidence_id,
        claims.evidence_kind,
        claims.asked_at,
        claims.precedence,
        claims.start_reason,
        claims.served_from,
        claims.served_until
    from painted
    inner join claims using (account_id, stream, scope, precedence)

),

stretched as (

    select
        *,
        verdict is distinct from lag(verdict) over (
            partition by account_id, stream, scope order by span_start
        ) as is_new_span
    from judged

),

numbered as (

    select
        *,
        count_if(is_new_span) over (
            partition by account_id, stream, scope order by span_start
        ) as span_number
    from stretched

),

merged as (

    select
        account_id,
        exchange,
        stream,
        scope,
        min(span_start) as span_start,
        max(span_end) as span_end,
        verdict,
        arg_max(evidence_id, precedence) as evidence_id,
        arg_max(evidence_kind, precedence) as evidence_kind,
        count(distinct evidence_id) filter (where evidence_kind = 'receipt') as receipt_count,
        min(asked_at) as first_asked_at,
        max(asked_at) as last_asked_at,
        any_value(start_reason) as start_reason,
        any_value(served_from) as served_from,
        any_value(served_until) as served_until
    from numbered
    group by account_id, exchange, stream, scope, span_number, verdict

),

floors as (

    select
        account_id,
        stream,
        scope,
        gone_before,
        arg_min(receipt_id, asked_at) as receipt_id,
        min(asked_at) as asked_at
    from history_receipts
    where origin = 'api' and outcome != 'venue_closed' and gone_before is not null
    group by account_id, stream, scope, gone_before

),

-- The evidence of a lapse is the first asking that found the span gone.
final as (

    select
        -- keys
        md5(concat_ws('|',
            merged.account_id, merged.stream, merged.scope, epoch_us(merged.span_start)
        )) as coverage_id,
        merged.account_id,
        merged.exchange,
        merged.stream,
        merged.scope,

        -- the span and what is known about it
        merged.span_start,
        merged.span_end,
        merged.span_end - merged.span_start as duration,
        merged.verdict,
        merged.verdict in ('covered_api', 'covered_file') as is_complete,

        -- how we know
        case merged.verdict
            when 'sync_lapse' then floors.receipt_id
            else merged.evidence_id
        end as evidence_id,
        merged.evidence_kind,
        case merged.verdict
            when 'sync_lapse' then 1
            else merged.receipt_count
        end as receipt_count,
        merged.start_reason,
        merged.served_from,
        merged.served_until,
        case merged.verdict
            when 'sync_lapse' then floors.asked_at
            else merged.first_asked_at
        end as first_asked_at,
        case merged.verdict
            when 'sync_lapse' then floors.asked_at
            else merged.last_asked_at
        end as last_asked_at
    from merged
    asof left join floors
        on
            merged.account_id = floors.account_id
            and merged.stream = floors.stream
            and merged.scope = floors.scope
            and merged.span_end <= floors.gone_before

)

select * from final
