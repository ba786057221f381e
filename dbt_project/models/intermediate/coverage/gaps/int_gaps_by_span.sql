-- One row per span and verdict of a stream, for all scopes that share them. (A stream that is
-- requested per coin would otherwise have the same gap once per coin.)
with gaps as (

    select * from {{ ref('int_coverage_gaps') }}

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

-- A pair that was never traded and is removed is not a loss.
scope_rows as (

    select
        account_id,
        stream,
        scope,
        sum(row_count) as row_count
    from receipts
    group by account_id, stream, scope

),

judged as (

    select
        gaps.*,
        gaps.verdict = 'refused'
        and coalesce(receipts.error_kind = 'unknown_scope', false) as is_unknown_scope,
        is_unknown_scope and coalesce(scope_rows.row_count > 0, false) as is_lost_scope
    from gaps
    left join receipts
        on gaps.account_id = receipts.account_id and gaps.evidence_id = receipts.receipt_id
    left join scope_rows
        on
            gaps.account_id = scope_rows.account_id
            and gaps.stream = scope_rows.stream
            and gaps.scope = scope_rows.scope

),

final as (

    select
        account_id,
        exchange,
        stream,
        case when count(*) = 1 then min(scope) else '*' end as scope,
        count(*) as scope_count,
        max(stream_scope_count) as stream_scope_count,
        string_agg(nullif(scope, ''), ', ' order by scope) as scope_names,
        span_start,
        span_end,
        verdict,
        is_proven_incomplete,
        is_unknown_scope,
        is_lost_scope,
        state,
        filled_by,
        bool_and(is_fill_proven) as is_fill_proven,
        arg_max(evidence_id, (last_asked_at, evidence_id)) as evidence_id,
        arg_max(evidence_kind, (last_asked_at, evidence_id)) as evidence_kind,
        any_value(start_reason) as start_reason,
        any_value(served_from) as served_from,
        any_value(served_until) as served_until
    from judged
    group by all

)

select * from final
