{#-
    The same question asked of a kind of thing and not of an endpoint: since when are all deposits
    of this account known? Any stream that carries the entity whole answers for it; where the
    exchange tells it in parts, all parts must be known. Where stored rows prove that others are
    missing, no stream makes it complete.
-#}
with coverage as (

    select * from {{ ref('int_coverage_spans') }}

),

sources as (

    select * from {{ ref('int_entity_sources') }}

),

closed_scopes as (

    select * from {{ ref('int_closed_scopes') }}

),

holes as (

    select * from {{ ref('int_entity_holes') }}

),

-- Best first. What holds over several scopes or parts is the worst of them.
verdicts (verdict, badness) as (

    values
        ('covered_api', 1), ('covered_file', 2), ('unverified', 3), ('unresolved', 4),
        ('row_cap', 5), ('failed', 6), ('refused', 7), ('venue_closed', 8), ('sync_lapse', 9),
        ('lost_to_retention', 10), ('never_asked', 11), ('excluded_by_exchange', 12)

),

source_spans as (

    select
        coverage.account_id,
        coverage.exchange,
        sources.entity,
        sources.wallet,
        sources.source,
        coverage.stream,
        coverage.scope,
        coverage.span_start,
        coverage.span_end,
        coverage.verdict,
        verdicts.badness,
        coverage.coverage_id
    from coverage
    inner join sources using (exchange, stream)
    inner join verdicts using (verdict)

),

-- Streams and scopes of a source end moments apart; it is known as far as all of them are that
-- still go on. A pair that was delisted holds up nothing.
source_ends as (

    select
        account_id,
        entity,
        wallet,
        source,
        max(span_start) as latest_start,
        coalesce(min(span_end) filter (where closed_at is null), max(span_end)) as ends_at
    from (
        select
            account_id,
            entity,
            wallet,
            source,
            stream,
            scope,
            min(span_start) as span_start,
            max(span_end) as span_end
        from source_spans
        group by account_id, entity, wallet, source, stream, scope
    )
    left join closed_scopes using (account_id, stream, scope)
    group by account_id, entity, wallet, source

),

part_claims as (

    select
        source_spans.account_id,
        source_spans.entity,
        source_spans.wallet,
        source_spans.source,
        greatest(source_spans.span_start, source_ends.latest_start) as span_start,
        least(source_spans.span_end, source_ends.ends_at) as span_end,
        source_spans.coverage_id,
        source_spans.badness,
        row_number() over (
            partition by
                source_spans.account_id, source_spans.entity, source_spans.wallet,
                source_spans.source
            order by source_spans.badness, source_spans.coverage_id
        ) as precedence
    from source_spans
    inner join source_ends using (account_id, entity, wallet, source)
    where greatest(source_spans.span_start, source_ends.latest_start)
        < least(source_spans.span_end, source_ends.ends_at)

),

worst_parts as (

    {{ resolve_spans('part_claims', ['account_id', 'entity', 'wallet', 'source']) }}

),

source_claims as (

    select
        worst_parts.account_id,
        worst_parts.entity,
        worst_parts.wallet,
        worst_parts.source,
        worst_parts.span_start,
        worst_parts.span_end,
        part_claims.coverage_id,
        row_number() over (
            partition by worst_parts.account_id, worst_parts.entity, worst_parts.wallet
            order by part_claims.badness desc, worst_parts.source desc, worst_parts.span_start
        ) as precedence
    from worst_parts
    inner join part_claims using (account_id, entity, wallet, source, precedence)

),

best_sources as (

    {{ resolve_spans('source_claims', ['account_id', 'entity', 'wallet']) }}

),

answered as (

    select
        best_sources.account_id,
        coverage.exchange,
        best_sources.entity,
        best_sources.wallet,
        best_sources.span_start,
        best_sources.span_end,
        coverage.verdict,
        source_claims.source,
        source_claims.coverage_id,
        coverage.start_reason,
        coverage.verdict in ('covered_api', 'covered_file', 'unverified') as is_read
    from best_sources
    inner join source_claims using (account_id, entity, wallet, precedence)
    inner join coverage on source_claims.coverage_id = coverage.coverage_id

),

-- A proof that rows are missing is stronger than that all were read; why they were not read says
-- more. Where no stream answers for the entity at all, the proofs are all that is known.
hole_claims as (

    select
        holes.account_id,
        holes.exchange,
        holes.entity,
        holes.wallet,
        greatest(holes.span_start, answered.span_start) as span_start,
        least(holes.span_end, answered.span_end) as span_end,
        holes.stream
    from holes
    inner join answered using (account_id, entity, wallet)
    where
        answered.is_read
        and greatest(holes.span_start, answered.span_start)
        < least(holes.span_end, answered.span_end)

    union all

    select
        account_id,
        exchange,
        entity,
        wallet,
        min(span_start) as span_start,
        max(span_end) as span_end,
        min(stream) as stream
    from holes
    anti join answered using (account_id, entity, wallet)
    group by account_id, exchange, entity, wallet

),

rival_claims as (

    select * exclude (is_read), 1 as strength
    from answered

    union all by name

    select
        * exclude (stream),
        'rows_missing' as verdict,
        stream as source,
        2 as strength
    from hole_claims

),

final_claims as (

    select
        *,
        row_number() over (
            partition by account_id, entity, wallet order by strength, span_start, span_end, source
        ) as precedence
    from rival_claims

),

resolved as (

    {{ resolve_spans('final_claims', ['account_id', 'entity', 'wallet']) }}

),

judged as (

    select
        resolved.account_id,
        final_claims.exchange,
        resolved.entity,
        resolved.wallet,
        resolved.span_start,
        resolved.span_end,
        final_claims.verdict,
        final_claims.source,
        final_claims.coverage_id,
        final_claims.start_reason
    from resolved
    inner join final_claims using (account_id, entity, wallet, precedence)

),

stretched as (

    select
        *,
        (verdict, source) is distinct from lag((verdict, source)) over (
            partition by account_id, entity, wallet order by span_start
        ) as is_new_span
    from judged

),

numbered as (

    select
        *,
        count_if(is_new_span) over (
            partition by account_id, entity, wallet order by span_start
        ) as span_number
    from stretched

),

final as (

    select
        -- keys
        md5(concat_ws('|', account_id, entity, wallet, epoch_us(min(span_start))))
            as entity_coverage_id,
        account_id,
        exchange,
        entity,
        wallet,

        -- the span and what is known about it
        min(span_start) as span_start,
        max(span_end) as span_end,
        max(span_end) - min(span_start) as duration,
        verdict,
        verdict in ('covered_api', 'covered_file') as is_complete,

        -- how we know
        source as covered_by,
        arg_min(coverage_id, span_start) as coverage_id,
        any_value(start_reason) as start_reason
    from numbered
    group by account_id, exchange, entity, wallet, span_number, verdict, source

)

select * from final
