{#-
    Every span that is not covered, for one scope each, and whether other streams have what is
    missing. A gap counts as filled when, for every entity its stream feeds, some other stream of
    the same wallet was read over the whole gap, in all of its scopes.
-#}
with coverage as (

    select * from {{ ref('fct_coverage') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

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

stream_entities as (

    select
        exchange,
        stream,
        wallet,
        unnest(from_json(entities, '["VARCHAR"]')) as entity
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

-- Which other streams tell of the same things.
substitutes as (

    select
        stream_entities.exchange,
        stream_entities.stream,
        stream_entities.entity,
        others.stream as filler
    from stream_entities
    inner join stream_entities as others
        on
            stream_entities.exchange = others.exchange
            and stream_entities.entity = others.entity
            and stream_entities.wallet is not distinct from others.wallet
            and stream_entities.stream != others.stream

),

-- What was read, twice: all of it, and only what is known to be complete.
read_spans as (

    select account_id, stream, scope, span_start, span_end, is_proven
    from coverage
    cross join (values (true), (false)) as standards (is_proven)
    where is_complete or (verdict = 'unverified' and not is_proven)

),

read_steps as (

    select
        *,
        span_start is distinct from lag(span_end) over (
            partition by account_id, stream, scope, is_proven order by span_start
        ) as is_new_stretch
    from read_spans

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

-- An unverified span is only bettered by a proven one.
questions as (

    select
        gaps.coverage_id,
        gaps.account_id,
        gaps.span_start,
        gaps.span_end,
        substitutes.entity,
        substitutes.filler,
        scopes.scope as filler_scope,
        standards.is_proven
    from gaps
    inner join substitutes
        on gaps.exchange = substitutes.exchange and gaps.stream = substitutes.stream
    inner join scopes
        on gaps.account_id = scopes.account_id and substitutes.filler = scopes.stream
    cross join (values (true), (false)) as standards (is_proven)
    where standards.is_proven or gaps.verdict != 'unverified'

),

answers as (

    select
        questions.*,
        coalesce(stretches.stretch_end >= questions.span_end, false) as is_inside
    from questions
    asof left join stretches
        on
            questions.account_id = stretches.account_id
            and questions.filler = stretches.stream
            and questions.filler_scope = stretches.scope
            and questions.is_proven = stretches.is_proven
            and questions.span_start >= stretches.stretch_start

),

fillers as (

    select
        coverage_id,
        entity,
        filler,
        is_proven
    from answers
    group by coverage_id, entity, filler, is_proven
    having bool_and(is_inside)

),

best_fillers as (

    select * from fillers
    qualify row_number() over (
        partition by coverage_id, entity order by is_proven desc, filler
    ) = 1

),

filled as (

    select
        coverage_id,
        count(*) as entity_count,
        string_agg(distinct filler, ', ' order by filler) as filled_by,
        bool_and(is_proven) as is_fill_proven
    from best_fillers
    group by coverage_id

),

final as (

    select
        gaps.*,
        scope_counts.stream_scope_count,
        case
            when filled.entity_count = entity_counts.entity_count then 'filled'
            else 'open'
        end as state,
        case
            when filled.entity_count = entity_counts.entity_count then filled.filled_by
        end as filled_by,
        case
            when filled.entity_count = entity_counts.entity_count then filled.is_fill_proven
        end as is_fill_proven
    from gaps
    inner join scope_counts
        on gaps.account_id = scope_counts.account_id and gaps.stream = scope_counts.stream
    left join entity_counts
        on gaps.exchange = entity_counts.exchange and gaps.stream = entity_counts.stream
    left join filled on gaps.coverage_id = filled.coverage_id

)

select * from final
