-- Incomplete spans, cut where another stream starts or stops having the missing rows, where the
-- rows of a ledger begin, and at the edges of proven holes.
with gaps as (

    select * from {{ ref('int_coverage_spans') }}
    where not is_complete

),

proofs as (

    select * from {{ ref('int_ledger_proofs') }}
    where opening_count > 0

),

substitutes as (

    select distinct exchange, stream, filler
    from {{ ref('int_stream_substitutes') }}

),

stretch_edges as (

    select distinct
        account_id,
        stream as filler,
        unnest([stretch_start, stretch_end]) as edge_at
    from {{ ref('int_read_stretches') }}

),

hole_edges as (

    select distinct
        account_id,
        stream,
        unnest([span_start, span_end]) as edge_at
    from {{ ref('int_stream_holes') }}

),

edges as (

    select gaps.coverage_id, stretch_edges.edge_at
    from gaps
    inner join substitutes using (exchange, stream)
    inner join stretch_edges using (account_id, filler)
    where stretch_edges.edge_at > gaps.span_start and stretch_edges.edge_at < gaps.span_end

    union

    select gaps.coverage_id, proofs.first_row_at as edge_at
    from gaps
    inner join proofs using (account_id, stream)
    where proofs.first_row_at > gaps.span_start and proofs.first_row_at < gaps.span_end

    union

    select gaps.coverage_id, hole_edges.edge_at
    from gaps
    inner join hole_edges using (account_id, stream)
    where hole_edges.edge_at > gaps.span_start and hole_edges.edge_at < gaps.span_end

    union

    select coverage_id, span_start as edge_at from gaps

),

final as (

    select
        gaps.coverage_id,
        gaps.account_id,
        gaps.exchange,
        gaps.stream,
        gaps.verdict,
        gaps.start_reason,
        edges.edge_at as piece_start,
        lead(edges.edge_at, 1, gaps.span_end) over (
            partition by gaps.coverage_id order by edges.edge_at
        ) as piece_end
    from gaps
    inner join edges using (coverage_id)

)

select * from final
