{#-
    Every span that is not covered, for one scope each, and whether other streams have what is
    missing. A gap is cut where another stream's history begins or ends. A piece counts as filled
    when, for every entity its stream feeds, some other stream of the same wallet was read over all
    of it, in all of its scopes. Where balances prove that a ledger lacks rows, it fills nothing,
    nor does anything where stored rows prove that the entity lacks some.
-#}
with coverage as (

    select * from {{ ref('fct_coverage') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

),

proofs as (

    select * from {{ ref('int_ledger_proofs') }}

),

holes as (

    select * from {{ ref('int_entity_holes') }}

),

gaps as (

    select * from coverage
    where not is_complete

),

scopes as (

    select distinct account_id, exchange, stream, scope
    from coverage

),

scope_counts as (

    select
        account_id,
        stream,
        count(*) as stream_scope_count
    from scopes
    group by account_id, stream

),

whole_entities as (

    select
        exchange,
        stream,
        wallet,
        unnest(from_json(entities, '["VARCHAR"]')) as entity
    from specs

),

-- What a stream tells a part of is missing with it too.
stream_entities as (

    select * from whole_entities
    union
    select
        exchange,
        stream,
        wallet,
        unnest(from_json(coalesce(part_of, '[]'), '["VARCHAR"]')) as entity
    from specs

),

entity_counts as (

    select
        exchange,
        stream,
        count(*) as entity_count
    from stream_entities
    group by exchange, stream

),

-- Holes in what a stream carries, in its own wallet or in all that it serves.
stream_holes as (

    select distinct
        stream_entities.exchange,
        stream_entities.stream,
        stream_entities.entity,
        holes.account_id,
        holes.span_start,
        holes.span_end
    from stream_entities
    inner join holes
        on
            stream_entities.exchange = holes.exchange
            and split_part(stream_entities.entity, '/', 1) = holes.entity
            and stream_entities.wallet = holes.wallet

),

hole_edges as (

    select account_id, stream, span_start as edge_at from stream_holes
    union
    select account_id, stream, span_end as edge_at from stream_holes

),

-- Which other streams tell of the same things, whole.
substitutes as (

    select
        stream_entities.exchange,
        stream_entities.stream,
        stream_entities.entity,
        others.stream as filler
    from stream_entities
    inner join whole_entities as others
        on
            stream_entities.exchange = others.exchange
            -- What carries an entity whole carries each part of it, and not the other way round.
            and others.entity in (
                stream_entities.entity, split_part(stream_entities.entity, '/', 1)
            )
            and stream_entities.wallet is not distinct from others.wallet
            and stream_entities.stream != others.stream

),

-- What was read, twice: all of it, and only what is known to be complete.
read_spans as (

    select
        coverage.account_id,
        coverage.stream,
        coverage.scope,
        standards.is_proven,
        case
            when not coverage.is_complete and proofs.opening_count > 0
                then greatest(coverage.span_start, proofs.first_row_at)
            else coverage.span_start
        end as span_start,
        coverage.span_end
    from coverage
    cross join (values (true), (false)) as standards (is_proven)
    left join proofs
        on coverage.account_id = proofs.account_id and coverage.stream = proofs.stream
    where
        coverage.is_complete
        or (coverage.verdict = 'unverified' and not standards.is_proven)

),

read_steps as (

    select
        *,
        span_start is distinct from lag(span_end) over (
            partition by account_id, stream, scope, is_proven order by span_start
        ) as is_new_stretch
    from read_spans
    where span_start < span_end

),

read_numbered as (

    select
        *,
        count_if(is_new_stretch) over (
            partition by account_id, stream, scope, is_proven order by span_start
        ) as stretch_number
    from read_steps

),

stretches as (

    select
        account_id,
        stream,
        scope,
        is_proven,
        min(span_start) as stretch_start,
        max(span_end) as stretch_end
    from read_numbered
    group by account_id, stream, scope, is_proven, stretch_number

),

-- Gaps are cut where it matters.
stretch_edges as (

    select account_id, stream, stretch_start as edge_at from stretches
    union
    select account_id, stream, stretch_end as edge_at from stretches

),

cuts as (

    select coverage_id, span_start as piece_start from gaps

    union

    select gaps.coverage_id, stretch_edges.edge_at as piece_start
    from gaps
    inner join substitutes
        on gaps.exchange = substitutes.exchange and gaps.stream = substitutes.stream
    inner join stretch_edges
        on
            gaps.account_id = stretch_edges.account_id
            and substitutes.filler = stretch_edges.stream
            and stretch_edges.edge_at > gaps.span_start
            and stretch_edges.edge_at < gaps.span_end

    union

    select gaps.coverage_id, proofs.first_row_at as piece_start
    from gaps
    inner join proofs
        on
            gaps.account_id = proofs.account_id
            and gaps.stream = proofs.stream
            and proofs.opening_count > 0
            and proofs.first_row_at > gaps.span_start
            and proofs.first_row_at < gaps.span_end

    union

    select gaps.coverage_id, hole_edges.edge_at as piece_start
    from gaps
    inner join hole_edges
        on
            gaps.account_id = hole_edges.account_id
            and gaps.stream = hole_edges.stream
            and hole_edges.edge_at > gaps.span_start
            and hole_edges.edge_at < gaps.span_end

),

pieces as (

    select
        gaps.coverage_id,
        gaps.account_id,
        gaps.exchange,
        gaps.stream,
        gaps.verdict,
        gaps.start_reason,
        cuts.piece_start,
        lead(cuts.piece_start, 1, gaps.span_end) over (
            partition by gaps.coverage_id order by cuts.piece_start
        ) as piece_end
    from gaps
    inner join cuts on gaps.coverage_id = cuts.coverage_id

),

-- An unverified span is only bettered by a proven one.
questions as (

    select
        pieces.coverage_id,
        pieces.account_id,
        pieces.piece_start,
        pieces.piece_end,
        substitutes.entity,
        substitutes.filler,
        scopes.scope as filler_scope,
        standards.is_proven
    from pieces
    inner join substitutes
        on pieces.exchange = substitutes.exchange and pieces.stream = substitutes.stream
    inner join scopes
        on pieces.account_id = scopes.account_id and substitutes.filler = scopes.stream
    cross join (values (true), (false)) as standards (is_proven)
    anti join stream_holes
        on
            pieces.account_id = stream_holes.account_id
            and pieces.stream = stream_holes.stream
            and substitutes.entity = stream_holes.entity
            and pieces.piece_start < stream_holes.span_end
            and stream_holes.span_start < pieces.piece_end
    where standards.is_proven or pieces.verdict != 'unverified'

),

answers as (

    select
        questions.*,
        coalesce(stretches.stretch_end >= questions.piece_end, false) as is_inside
    from questions
    asof left join stretches
        on
            questions.account_id = stretches.account_id
            and questions.filler = stretches.stream
            and questions.filler_scope = stretches.scope
            and questions.is_proven = stretches.is_proven
            and questions.piece_start >= stretches.stretch_start

),

fillers as (

    select
        coverage_id,
        piece_start,
        entity,
        filler,
        is_proven
    from answers
    group by coverage_id, piece_start, entity, filler, is_proven
    having bool_and(is_inside)

),

best_fillers as (

    select * from fillers
    qualify row_number() over (
        partition by coverage_id, piece_start, entity order by is_proven desc, filler
    ) = 1

),

filled as (

    select
        coverage_id,
        piece_start,
        count(*) as entity_count,
        string_agg(distinct filler, ', ' order by filler) as filled_by,
        bool_and(is_proven) as is_fill_proven
    from best_fillers
    group by coverage_id, piece_start

),

-- What a stream carries whole has a hole there: it lacks rows, whatever it answered.
lacking_pieces as (

    select distinct
        pieces.coverage_id,
        pieces.piece_start
    from pieces
    inner join whole_entities
        on pieces.exchange = whole_entities.exchange and pieces.stream = whole_entities.stream
    inner join holes
        on
            pieces.account_id = holes.account_id
            and whole_entities.entity = holes.entity
            and whole_entities.wallet = holes.wallet
            and pieces.piece_start < holes.span_end
            and holes.span_start < pieces.piece_end

),

judged as (

    select
        pieces.coverage_id,
        pieces.piece_start,
        pieces.piece_end,
        coalesce(filled.entity_count = entity_counts.entity_count, false) as is_filled,
        case when is_filled then filled.filled_by end as filled_by,
        case when is_filled then filled.is_fill_proven end as is_fill_proven,
        (
            coalesce(proofs.opening_count > 0 and pieces.piece_end <= proofs.first_row_at, false)
            -- The balance of an account that was of another kind before came with it.
            and pieces.start_reason is distinct from 'account_changed'
        )
        or lacking_pieces.piece_start is not null as is_proven_incomplete
    from pieces
    left join entity_counts
        on pieces.exchange = entity_counts.exchange and pieces.stream = entity_counts.stream
    left join filled
        on
            pieces.coverage_id = filled.coverage_id
            and pieces.piece_start = filled.piece_start
    left join lacking_pieces
        on
            pieces.coverage_id = lacking_pieces.coverage_id
            and pieces.piece_start = lacking_pieces.piece_start
    left join proofs
        on pieces.account_id = proofs.account_id and pieces.stream = proofs.stream

),

-- Pieces that came out alike are one again.
piece_steps as (

    select
        *,
        (filled_by, is_fill_proven, is_proven_incomplete) is distinct from lag(
            (filled_by, is_fill_proven, is_proven_incomplete)
        ) over (partition by coverage_id order by piece_start) as is_new_piece
    from judged

),

pieces_numbered as (

    select
        *,
        count_if(is_new_piece) over (
            partition by coverage_id order by piece_start
        ) as piece_number
    from piece_steps

),

pieces_merged as (

    select
        coverage_id,
        min(piece_start) as piece_start,
        max(piece_end) as piece_end,
        any_value(is_filled) as is_filled,
        any_value(filled_by) as filled_by,
        any_value(is_fill_proven) as is_fill_proven,
        any_value(is_proven_incomplete) as is_proven_incomplete
    from pieces_numbered
    group by coverage_id, piece_number

),

final as (

    select
        -- keys
        md5(concat_ws('|', gaps.coverage_id, epoch_us(pieces_merged.piece_start)))
            as coverage_gap_id,
        gaps.coverage_id,
        gaps.account_id,
        gaps.exchange,
        gaps.stream,
        gaps.scope,

        -- the hole
        pieces_merged.piece_start as span_start,
        pieces_merged.piece_end as span_end,
        gaps.verdict,
        pieces_merged.is_proven_incomplete,

        -- whether something else has it
        case when pieces_merged.is_filled then 'filled' else 'open' end as state,
        pieces_merged.filled_by,
        pieces_merged.is_fill_proven,

        -- how we know
        scope_counts.stream_scope_count,
        gaps.evidence_id,
        gaps.evidence_kind,
        gaps.start_reason,
        gaps.served_from,
        gaps.served_until,
        gaps.last_asked_at
    from gaps
    inner join pieces_merged on gaps.coverage_id = pieces_merged.coverage_id
    inner join scope_counts
        on gaps.account_id = scope_counts.account_id and gaps.stream = scope_counts.stream

)

select * from final
