-- The verdict of each source of an entity at each instant: the worst of its streams and scopes.
-- `precedence` selects the best source if several have the entity.
with coverage as (

    select * from {{ ref('int_coverage_spans') }}

),

sources as (

    select * from {{ ref('int_entity_sources') }}

),

closed_scopes as (

    select * from {{ ref('int_closed_scopes') }}

),

-- Best first. For several scopes or parts, the worst verdict counts.
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

-- Streams and scopes of a source end at slightly different times: the source is known up to the
-- earliest end of those that continue. A delisted pair does not count.
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

)

select * from source_claims
