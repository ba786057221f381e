-- Lists of one exchange that contain the same movements and whose sums differ, as findings.
with comparisons as (

    select * from {{ ref('int_stream_comparisons') }}
    where not agrees

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

final as (

    select
        {{ finding_id('cross_stream_residual', [
            'comparisons.comparison_id', 'comparisons.residual'
        ]) }} as finding_id,
        'cross_stream_residual' as kind,
        'critical' as severity,
        comparisons.account_id,
        comparisons.exchange,
        cast(null as varchar) as stream,
        specs.wallet,
        comparisons.asset,
        comparisons.span_start,
        comparisons.span_end,
        comparisons.residual as size,
        comparisons.comparison_id as evidence_id,
        'comparison' as evidence_kind,
        concat(
            'From ', {{ say_when('comparisons.span_start') }}, ' to ',
            {{ say_when('comparisons.span_end') }}, ' ', comparisons.asset, ' moved by ',
            {{ say_amount('comparisons.first_sum') }}, ' after ', comparisons.first_stream,
            ' and by ', {{ say_amount('comparisons.second_sum') }}, ' after ',
            comparisons.second_stream,
            case comparisons.part when 'all' then '' else ' (' || comparisons.part || 's alone)' end,
            ', though both were read to the end: one of them lacks rows, or tells some twice.'
        ) as what,
        concat(
            'look for the amount among the rows of ', comparisons.first_stream, ' and ',
            comparisons.second_stream, '; the balance checks of this asset say which is right'
        ) as remedy,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation,
        cast(null as varchar) as fixed_by
    from comparisons
    left join specs
        on comparisons.exchange = specs.exchange and comparisons.first_stream = specs.stream

)

select * from final
