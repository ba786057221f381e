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

remedies as (

    select * from {{ ref('int_stream_remedies') }}

),

gaps as (

    select * from {{ ref('int_gap_findings') }}
    where fixed_by is null and verdict not in ('unverified', 'excluded_by_exchange')

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
        case grouped.reason
            when 'unpaired' then concat(
                case when grouped.row_count = 1 then 'One ledger row' else grouped.row_count || ' ledger rows' end,
                ' of ', {{ say_amount('grouped.size') }}, ' ', rtrim(grouped.entity, 's'),
                case when grouped.size = 1 then '' else 's' end,
                ' (', grouped.subject, ', ', {{ say_when('grouped.first_proof_at') }},
                case when grouped.last_proof_at > grouped.first_proof_at
                    then ' to ' || {{ say_when('grouped.last_proof_at') }} else '' end,
                ') could not be paired: the ledger has what they moved, and fct_', grouped.entity,
                ' lacks them.'
            )
            when 'untraded' then concat(
                'The ledger has profit in ', grouped.subject, ' at ', grouped.row_count,
                case when grouped.row_count = 1 then ' moment' else ' moments' end, ' (',
                {{ say_when('grouped.first_proof_at') }},
                case when grouped.last_proof_at > grouped.first_proof_at
                    then ' to ' || {{ say_when('grouped.last_proof_at') }} else '' end,
                '), and no stored trade of ', grouped.subject, ' that could have made it: trades of '
                'this market are missing.'
            )
            else concat(
                'Settlements of ', grouped.subject, ' up to ', {{ say_when('grouped.last_proof_at') }},
                ' close ', {{ say_amount('abs(grouped.size)') }}, ' contracts that no stored trade ',
                case when grouped.size > 0 then 'bought' else 'sold' end,
                ': trades of this market are missing.'
            )
        end as what,
        case
            when grouped.reason != 'unpaired' then remedies.other_source
            when {{ is_over('specs') }} then concat(
                coalesce(specs.exchange_title, grouped.exchange),
                ' has closed: only its support can tell which rows belong together'
            )
            else 'look up on the site which rows belong together; the ledger itself lacks nothing'
        end as remedy,
        covering_gaps.gap_id as explained_by,
        case when covering_gaps.gap_id is not null
            then 'they lie in a gap that is listed on its own' end as explanation,
        cast(null as varchar) as fixed_by
    from grouped
    left join covering_gaps using (account_id, stream, entity, reason, hole_key)
    left join specs on grouped.exchange = specs.exchange and grouped.stream = specs.stream
    left join remedies
        on grouped.exchange = remedies.exchange and grouped.stream = remedies.stream

)

select * from final
