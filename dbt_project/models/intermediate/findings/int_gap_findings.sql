-- Each gap as a finding: open, or fixed where other streams have what is missing.
with gaps as (

    select * from {{ ref('int_gaps') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

final as (

    select
        -- A gap that turns out to hide rows is a new fact, with a new key.
        {{ finding_id('gap', ['gaps.gap_id', 'gaps.is_proven_incomplete']) }} as finding_id,
        'gap' as kind,
        gaps.severity,
        gaps.account_id,
        gaps.exchange,
        gaps.stream,
        specs.wallet,
        cast(null as varchar) as asset,
        gaps.span_start,
        gaps.span_end,
        cast(null as decimal(38, 18)) as size,
        gaps.evidence_id,
        gaps.evidence_kind,
        gaps.cause as what,
        gaps.remedy,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation,
        case when gaps.state = 'filled' then 'filled by ' || gaps.filled_by end as fixed_by,

        -- what other findings look a gap up by
        gaps.gap_id,
        gaps.scope,
        gaps.verdict,
        gaps.is_proven_incomplete
    from gaps
    left join specs on gaps.exchange = specs.exchange and gaps.stream = specs.stream

)

select * from final
