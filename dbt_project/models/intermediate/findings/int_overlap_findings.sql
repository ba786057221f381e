-- Spans in which a file and the API differ, as findings.
with file_overlaps as (

    select * from {{ ref('int_file_overlaps') }}
    where not agrees

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

final as (

    select
        {{ finding_id('overlap_disagreement', [
            'overlap_id', 'only_in_file', 'only_in_api', 'changed_count'
        ]) }} as finding_id,
        'overlap_disagreement' as kind,
        'critical' as severity,
        account_id,
        exchange,
        stream,
        cast(null as varchar) as wallet,
        cast(null as varchar) as asset,
        span_start,
        span_end,
        cast(only_in_file + only_in_api + changed_count as decimal(38, 18)) as size,
        overlap_id as evidence_id,
        'overlap' as evidence_kind,
        'file_differs' as what_code,
        case
            when {{ is_over('specs') }} then 'ask_which_is_right' else 'save_file_again'
        end as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'file': 'coalesce(file_name, receipt_id)', 'file_count': 'file_count',
            'api_count': 'api_count', 'only_in_file': 'nullif(only_in_file, 0)',
            'only_in_api': 'nullif(only_in_api, 0)', 'changed_count': 'nullif(changed_count, 0)',
            'differing_sums': 'differing_sums',
        }) }} as words
    from file_overlaps
    left join specs using (exchange, stream)

)

select * from final
