-- Every span that is not covered, one scope at a time, and whether other streams have what is
-- missing.
with gaps as (

    select * from {{ ref('int_coverage_spans') }}
    where not is_complete

),

pieces as (

    select * from {{ ref('int_gap_pieces') }}

),

fillers as (

    select * from {{ ref('int_gap_fillers') }}

),

proofs as (

    select * from {{ ref('int_ledger_proofs') }}

),

own_holes as (

    select * from {{ ref('int_stream_holes') }}
    where is_own

),

scope_counts as (

    select
        account_id,
        stream,
        count(distinct scope) as stream_scope_count
    from {{ ref('int_coverage_spans') }}
    group by account_id, stream

),

lacking_pieces as (

    select distinct
        pieces.coverage_id,
        pieces.piece_start
    from pieces
    inner join own_holes
        on
            pieces.account_id = own_holes.account_id
            and pieces.stream = own_holes.stream
            and pieces.piece_start < own_holes.span_end
            and own_holes.span_start < pieces.piece_end

),

judged as (

    select
        pieces.coverage_id,
        pieces.piece_start,
        pieces.piece_end,
        fillers.filled_by,
        fillers.is_fill_proven,
        (
            coalesce(proofs.opening_count > 0 and pieces.piece_end <= proofs.first_row_at, false)
            -- The balance of an account that was of another kind before came with it.
            and pieces.start_reason is distinct from 'account_changed'
        )
        or lacking_pieces.piece_start is not null as is_proven_incomplete
    from pieces
    left join fillers using (coverage_id, piece_start)
    left join lacking_pieces using (coverage_id, piece_start)
    left join proofs
        on pieces.account_id = proofs.account_id and pieces.stream = proofs.stream

),

-- Neighbouring pieces with the same result are one again.
marked as (

    select
        *,
        (filled_by, is_fill_proven, is_proven_incomplete) is distinct from lag(
            (filled_by, is_fill_proven, is_proven_incomplete)
        ) over (partition by coverage_id order by piece_start) as is_new_piece
    from judged

),

numbered as (

    select
        *,
        count_if(is_new_piece) over (
            partition by coverage_id order by piece_start
        ) as piece_number
    from marked

),

merged as (

    select
        coverage_id,
        min(piece_start) as piece_start,
        max(piece_end) as piece_end,
        any_value(filled_by) as filled_by,
        any_value(is_fill_proven) as is_fill_proven,
        any_value(is_proven_incomplete) as is_proven_incomplete
    from numbered
    group by coverage_id, piece_number

),

final as (

    select
        -- keys
        md5(concat_ws('|', gaps.coverage_id, epoch_us(merged.piece_start))) as coverage_gap_id,
        gaps.coverage_id,
        gaps.account_id,
        gaps.exchange,
        gaps.stream,
        gaps.scope,

        -- the gap
        merged.piece_start as span_start,
        merged.piece_end as span_end,
        gaps.verdict,
        merged.is_proven_incomplete,

        -- whether another stream has it
        case when merged.filled_by is not null then 'filled' else 'open' end as state,
        merged.filled_by,
        merged.is_fill_proven,

        -- how we know
        scope_counts.stream_scope_count,
        gaps.evidence_id,
        gaps.evidence_kind,
        gaps.start_reason,
        gaps.served_from,
        gaps.served_until,
        gaps.last_asked_at
    from gaps
    inner join merged on gaps.coverage_id = merged.coverage_id
    inner join scope_counts
        on gaps.account_id = scope_counts.account_id and gaps.stream = scope_counts.stream

)

select * from final
