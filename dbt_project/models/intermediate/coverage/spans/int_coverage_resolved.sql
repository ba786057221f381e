-- The claim that holds at each instant of a scope's history; neighbours of one verdict share a
-- `span_number`.
with claims as (

    select * from {{ ref('int_coverage_claims') }}

),

resolved as (

    {{ resolve_spans('claims', ['scope_key']) }}

),

judged as (

    select
        resolved.*,
        claims.verdict,
        claims.verdict_rank,
        claims.run,
        claims.evidence_id,
        claims.evidence_kind,
        claims.asked_at,
        claims.verdict is distinct from lag(claims.verdict) over (
            partition by resolved.scope_key order by resolved.span_start
        ) as is_new_span
    from resolved
    inner join claims using (scope_key, precedence)

),

final as (

    select
        *,
        count_if(is_new_span) over (partition by scope_key order by span_start) as span_number
    from judged

)

select * from final
