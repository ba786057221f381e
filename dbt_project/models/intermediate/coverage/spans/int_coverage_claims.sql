{#-
    All claims about a scope's spans: those of its requests, and what follows from retention, from
    an exchange's closing, and from streams that were never requested. The weakest of all reaches
    over the whole history, so the resolved spans have no holes. `precedence` says which claim holds
    where they overlap: the better verdict (the lower rank), and between equals the later request.
-#}
with request_claims as (

    select * from {{ ref('int_coverage_request_claims') }}

),

bounds as (

    select * from {{ ref('int_coverage_bounds') }}

),

run_claims as (

    select
        scope_key,
        verdict,
        verdict_rank,
        run,
        min(span_start) as span_start,
        max(span_end) as span_end,
        'receipt' as evidence_kind
    from request_claims
    group by scope_key, verdict, verdict_rank, run

),

lost_claims as (

    select
        scope_key,
        'lost_to_retention' as verdict,
        7 as verdict_rank,
        starts_at as span_start,
        least(first_gone_before, ends_at) as span_end,
        first_receipt_id as evidence_id,
        'receipt' as evidence_kind,
        first_asked_at as asked_at
    from bounds
    where first_gone_before is not null

),

-- Which request found it gone is looked up for the resolved spans.
lapse_claims as (

    select
        scope_key,
        'sync_lapse' as verdict,
        7 as verdict_rank,
        greatest(first_gone_before, starts_at) as span_start,
        least(gone_before, ends_at) as span_end,
        'receipt' as evidence_kind
    from bounds
    where gone_before is not null

),

closing_claims as (

    select
        scope_key,
        'venue_closed' as verdict,
        8 as verdict_rank,
        greatest(read_until, starts_at) as span_start,
        least(exchange_ends_at, ends_at) as span_end,
        stream_spec_id as evidence_id,
        'spec' as evidence_kind
    from bounds
    where lifecycle = 'closed' and kind = 'history'

),

-- Data that no route returns, and streams never requested: over the whole history.
whole_claims as (

    select
        scope_key,
        case kind when 'excluded' then 'excluded_by_exchange' else 'never_asked' end as verdict,
        9 as verdict_rank,
        starts_at as span_start,
        ends_at as span_end,
        stream_spec_id as evidence_id,
        'spec' as evidence_kind
    from bounds

),

all_claims as (

    select * from run_claims
    union all by name
    select * from lost_claims
    union all by name
    select * from lapse_claims
    union all by name
    select * from closing_claims
    union all by name
    select * from whole_claims

),

final as (

    select
        *,
        row_number() over (
            partition by scope_key order by verdict_rank desc, run, span_start, verdict
        ) as precedence
    from all_claims
    where span_start < span_end

)

select * from final
