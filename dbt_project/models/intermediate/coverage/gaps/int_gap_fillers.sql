-- The other streams that have the missing rows of a piece: for each entity of its stream, one that
-- was read over the whole piece, in all of its scopes.
with pieces as (

    select * from {{ ref('int_gap_pieces') }}

),

substitutes as (

    select * from {{ ref('int_stream_substitutes') }}

),

scopes as (

    select distinct account_id, stream, scope
    from {{ ref('int_coverage_spans') }}

),

stretches as (

    select * from {{ ref('int_read_stretches') }}

),

holes as (

    select * from {{ ref('int_stream_holes') }}

),

-- If stored rows prove that rows of the entity are missing, no stream has all of them. Only a proven
-- span improves an unverified one.
questions as (

    select
        pieces.coverage_id,
        pieces.account_id,
        pieces.piece_start,
        pieces.piece_end,
        substitutes.entity,
        substitutes.entity_count,
        substitutes.filler,
        scopes.scope as filler_scope,
        standards.is_proven
    from pieces
    inner join substitutes
        on pieces.exchange = substitutes.exchange and pieces.stream = substitutes.stream
    inner join scopes
        on pieces.account_id = scopes.account_id and substitutes.filler = scopes.stream
    cross join (values (true), (false)) as standards (is_proven)
    anti join holes
        on
            pieces.account_id = holes.account_id
            and pieces.stream = holes.stream
            and substitutes.entity = holes.entity
            and pieces.piece_start < holes.span_end
            and holes.span_start < pieces.piece_end
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
        entity_count,
        filler,
        is_proven
    from answers
    group by coverage_id, piece_start, entity, entity_count, filler, is_proven
    having bool_and(is_inside)

),

best_fillers as (

    select * from fillers
    qualify row_number() over (
        partition by coverage_id, piece_start, entity order by is_proven desc, filler
    ) = 1

),

final as (

    select
        coverage_id,
        piece_start,
        string_agg(distinct filler, ', ' order by filler) as filled_by,
        bool_and(is_proven) as is_fill_proven
    from best_fillers
    group by coverage_id, piece_start, entity_count
    having count(*) = entity_count

)

select * from final
