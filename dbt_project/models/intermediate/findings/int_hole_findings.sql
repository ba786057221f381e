{#-
    Holes that stored rows prove, as findings: one for each run of unpaired ledger entries, and one for
    each market whose trades are missing. Where an open gap covers every proof, it explains them.
-#}
with holes as (

    select * from {{ ref('int_entity_holes') }}
    -- A word that is not known is a finding of its own.
    where reason != 'unsided'

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

gaps as (

    select * from {{ ref('int_gap_findings') }}
    where fix_code is null and verdict not in ('unverified', 'excluded_by_exchange')

),

entities as (

    select distinct
        exchange,
        stream,
        split_part(unnest(from_json(entities, '["VARCHAR"]')), '/', 1) as entity
    from specs

),

-- Holes of one market follow from each other: one finding for all of them.
grouped as (

    select
        account_id,
        exchange,
        stream,
        entity,
        wallet,
        reason,
        case when reason = 'unpaired' then null else subject end as market,
        case when reason = 'unpaired' then entity_hole_id else subject end as hole_key,
        any_value(subject) as subject,
        min(span_start) as span_start,
        max(span_end) as span_end,
        min(first_proof_at) as first_proof_at,
        max(last_proof_at) as last_proof_at,
        sum(row_count) as row_count,
        sum(size) as size,
        arg_min(record_id, (first_proof_at, record_id)) as record_id
    from holes
    group by all

),

covering_gaps as (

    select
        grouped.account_id,
        grouped.stream,
        grouped.entity,
        grouped.reason,
        grouped.hole_key,
        min(gaps.finding_id) as gap_id
    from grouped
    inner join gaps
        on
            grouped.account_id = gaps.account_id
            and grouped.wallet = gaps.wallet
            and gaps.span_start <= grouped.first_proof_at
            and gaps.span_end > grouped.last_proof_at
    inner join entities
        on
            gaps.exchange = entities.exchange
            and gaps.stream = entities.stream
            and grouped.entity = entities.entity
    group by all

),

final as (

    select
        {{ finding_id('missing_rows', [
            'grouped.account_id', 'grouped.stream', 'grouped.entity', 'grouped.reason',
            'grouped.hole_key', 'grouped.size'
        ]) }} as finding_id,
        'missing_rows' as kind,
        'critical' as severity,
        grouped.account_id,
        grouped.exchange,
        grouped.stream,
        grouped.wallet,
        cast(null as varchar) as asset,
        grouped.span_start,
        grouped.span_end,
        cast(grouped.size as decimal(38, 18)) as size,
        grouped.record_id as evidence_id,
        'record' as evidence_kind,
        grouped.reason as what_code,
        case
            when grouped.reason != 'unpaired' then 'other_source'
            when {{ is_over('specs') }} then 'ask_support_for_pairs'
            else 'look_up_pairs'
        end as remedy_code,
        covering_gaps.gap_id as explained_by,
        case when covering_gaps.gap_id is not null then 'in_listed_gap' end as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'entity': 'grouped.entity', 'subject': 'grouped.subject',
            'rows': say_count('grouped.row_count', 'ledger row'),
            'moments': say_count('grouped.row_count', 'moment'),
            'facts': say_amount('grouped.size') ~ " || ' ' || rtrim(grouped.entity, 's')"
            ~ " || case grouped.size when 1 then '' else 's' end",
            'contracts': say_amount('abs(grouped.size)'),
            'first_on': say_when('grouped.first_proof_at'),
            'last_on': say_when('grouped.last_proof_at'),
            'if_later': "case when grouped.last_proof_at > grouped.first_proof_at then '' end",
        }) }} as words
    from grouped
    left join covering_gaps using (account_id, stream, entity, reason, hole_key)
    left join specs on grouped.exchange = specs.exchange and grouped.stream = specs.stream

)

select * from final
