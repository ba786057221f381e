-- The best source of each entity and wallet at each instant, with its verdict.
with coverage as (

    select * from {{ ref('int_coverage_spans') }}

),

source_claims as (

    select * from {{ ref('int_entity_source_claims') }}

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

)

select * from answered
