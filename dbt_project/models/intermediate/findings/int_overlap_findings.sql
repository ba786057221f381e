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
        concat(
            'The file ', coalesce(file_name, receipt_id), ' and the API both tell ', stream,
            ' and differ: ',
            concat_ws(
                ', ',
                case when only_in_file > 0 then only_in_file || ' only in the file' end,
                case when only_in_api > 0 then only_in_api || ' only in the API' end,
                case when changed_count > 0 then changed_count || ' with another amount' end
            ),
            ', of ', file_count, ' and ', api_count, coalesce(' (' || differing_sums || ')', ''),
            '. The file is not taken for complete anywhere.'
        ) as what,
        case
            when {{ is_over('specs') }}
                then coalesce(specs.exchange_title, file_overlaps.exchange) || ' has closed: see which '
                || 'of the two the balance checks confirm, or ask its support'
            else 'save the file again for the whole span, without a filter, and import it; look up '
                || 'what only one of them has on the site'
        end as remedy,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation,
        cast(null as varchar) as fixed_by
    from file_overlaps
    left join specs using (exchange, stream)

)

select * from final
