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
        problem as what_code,
        'map_label' as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'rows': say_count('row_count', 'row'), 'field': "replace(field, '_', ' ')",
            'word': "nullif(example, '')",
            'if_no_word': "case when coalesce(example, '') = '' then '' end",
        }) }} as words
    from labels

)

select * from final
