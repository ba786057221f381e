{#-
    Completeness by entity and not by endpoint: since when are all deposits of this account known?
    Any stream with the whole entity counts; where the exchange lists it in parts, all parts must be
    known. Where stored rows prove that others are missing, no stream makes it complete.
-#}
with answered as (

    select * from {{ ref('int_entity_answers') }}

),

holes as (

    select * from {{ ref('int_entity_holes') }}

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
