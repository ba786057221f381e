-- Words of an exchange that no label list knows, as findings: their rows are kept and unsorted.
with labels as (

    select *
    from {{ ref('int_data_quality') }}
    where problem in ('unknown_status', 'unknown_type')

),

final as (

    select
        {{ finding_id('unclassified_label', ['data_quality_id']) }} as finding_id,
        'unclassified_label' as kind,
        'warning' as severity,
        account_id,
        exchange,
        stream,
        cast(null as varchar) as wallet,
        cast(null as varchar) as asset,
        first_at as span_start,
        last_at as span_end,
        cast(row_count as decimal(38, 18)) as size,
        data_quality_id as evidence_id,
        'label' as evidence_kind,
        concat(
            case row_count when 1 then 'One row has ' else row_count || ' rows have ' end,
            case coalesce(example, '') when '' then 'no' else '"' || example || '" as' end, ' ',
            replace(field, '_', ' '), ', which is not mapped yet; ',
            case
                when problem = 'unknown_status'
                    then 'its coin, amount or state is unknown, and sums leave the row out.'
                else 'amounts and balances are right, only the kind is unknown.'
            end
        ) as what,
        'look at the rows and say what they are: a line in the label list of the exchange, or a '
        || 'reason in findings.yml' as remedy,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation,
        cast(null as varchar) as fixed_by
    from labels

)

select * from final
