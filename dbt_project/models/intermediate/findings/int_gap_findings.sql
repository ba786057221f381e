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
        'gap' as what_code,
        case when gaps.remedy is not null then 'gap' end as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        case when gaps.state = 'filled' then 'filled' end as fix_code,
        {{ words({
            'cause': 'gaps.cause', 'gap_remedy': 'gaps.remedy', 'filled_by': 'gaps.filled_by',
        }) }} as words,

        -- what other findings look a gap up by
        gaps.gap_id,
        gaps.cause,
        gaps.scope,
        gaps.verdict,
        gaps.is_proven_incomplete
    from gaps
    left join specs on gaps.exchange = specs.exchange and gaps.stream = specs.stream

)

select * from final
