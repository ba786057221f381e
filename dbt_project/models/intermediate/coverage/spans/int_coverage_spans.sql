-- The history of every scope as spans of one verdict each, with the evidence of the verdict.
with resolved as (

    select * from {{ ref('int_coverage_resolved') }}

),

request_claims as (

    select * from {{ ref('int_coverage_request_claims') }}

),

requests as (

    select * from {{ ref('int_coverage_requests') }}

),

bounds as (

    select * from {{ ref('int_coverage_bounds') }}

),

merged as (

    select
        scope_key,
        span_number,
        min(span_start) as span_start,
        max(span_end) as span_end,
        any_value(verdict) as verdict,
        arg_max(evidence_id, precedence) as evidence_id,
        arg_max(evidence_kind, precedence) as evidence_kind,
        min(asked_at) as asked_at
    from resolved
    group by scope_key, span_number

),

-- The requests that count in each span. Runs are short: no piece meets more than 64 of them.
counted_requests as (

    select
        resolved.scope_key,
        resolved.span_number,
        arg_max(request_claims.receipt_id, request_claims.turn) as evidence_id,
        count(distinct request_claims.turn) as receipt_count,
        min(request_claims.asked_at) as first_asked_at,
        max(request_claims.asked_at) as last_asked_at
    from request_claims
    inner join resolved
        on
            request_claims.scope_key = resolved.scope_key
            and request_claims.verdict_rank = resolved.verdict_rank
            and request_claims.run = resolved.run
            and request_claims.span_start < resolved.span_end
            and resolved.span_start < request_claims.span_end
    where request_claims.span_start < request_claims.span_end
    group by resolved.scope_key, resolved.span_number

),

-- The evidence of a lapse is the first request that found the span gone. A scope has few lapses:
-- each takes a pause longer than the exchange keeps.
found_gone as (

    select
        merged.scope_key,
        merged.span_number,
        min((requests.asked_at, requests.receipt_id)) as first_request
    from merged
    inner join requests
        on merged.scope_key = requests.scope_key and merged.span_end <= requests.gone_before
    where
        merged.verdict = 'sync_lapse'
        and requests.origin = 'api'
        and requests.outcome != 'venue_closed'
    group by merged.scope_key, merged.span_number

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
        coalesce(counted_requests.evidence_id, found_gone.first_request[2], merged.evidence_id)
            as evidence_id,
        merged.evidence_kind,
        coalesce(
            counted_requests.receipt_count,
            case merged.evidence_kind when 'receipt' then 1 else 0 end
        ) as receipt_count,
        bounds.start_reason,
        bounds.served_from,
        bounds.served_until,
        coalesce(counted_requests.first_asked_at, found_gone.first_request[1], merged.asked_at)
            as first_asked_at,
        coalesce(counted_requests.last_asked_at, found_gone.first_request[1], merged.asked_at)
            as last_asked_at
    from merged
    inner join bounds using (scope_key)
    left join counted_requests using (scope_key, span_number)
    left join found_gone using (scope_key, span_number)

)

select * from final
