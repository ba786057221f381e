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
        'lists_differ' as what_code,
        'compare_lists' as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'asset': 'comparisons.asset', 'span_from': say_when('comparisons.span_start'),
            'span_to': say_when('comparisons.span_end'),
            'first_sum': say_amount('comparisons.first_sum'),
            'second_sum': say_amount('comparisons.second_sum'),
            'first_stream': 'comparisons.first_stream',
            'second_stream': 'comparisons.second_stream',
            'part': "nullif(comparisons.part, 'all')",
        }) }} as words
    from comparisons
    left join specs
        on comparisons.exchange = specs.exchange and comparisons.first_stream = specs.stream

)

select * from final
