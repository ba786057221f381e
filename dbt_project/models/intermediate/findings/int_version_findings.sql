-- Versions of one record, one of them from a file, that say different things of the same state.
with records as (

    select * from {{ ref('int_imported_records') }}

),

specs as (

    select exchange, stream, status_field
    from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind = 'history'

),

versions as (

    select
        records.*,
        coalesce({{ value_of('records.record', 'specs.status_field') }}, '') as status
    from records
    inner join specs using (exchange, stream)

),

pairs as (

    select
        first_one.account_id,
        first_one.exchange,
        first_one.stream,
        first_one.record_id,
        first_one.occurred_at,
        list_filter(
            json_keys(first_one.record),
            lambda name: {{ says_otherwise(
                value_of('first_one.record', 'name'), value_of('second_one.record', 'name')
            ) }}
        ) as fields
    from versions as first_one
    inner join versions as second_one
        on
            first_one.account_id = second_one.account_id
            and first_one.stream = second_one.stream
            and first_one.record_id = second_one.record_id
            and first_one.status = second_one.status
            and first_one.record_hash < second_one.record_hash
    where first_one.origin = 'file' or second_one.origin = 'file'

),

counted as (

    select
        account_id,
        exchange,
        stream,
        count(distinct record_id) as record_count,
        min(record_id) as first_record_id,
        array_to_string(list_sort(list_distinct(flatten(list(fields)))), ', ') as fields,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from pairs
    where len(fields) > 0
    group by account_id, exchange, stream

),

final as (

    select
        {{ finding_id(
            'contradicting_versions', ['account_id', 'stream', 'first_record_id', 'record_count']
        ) }} as finding_id,
        'contradicting_versions' as kind,
        'warning' as severity,
        account_id,
        exchange,
        stream,
        cast(null as varchar) as wallet,
        cast(null as varchar) as asset,
        first_at as span_start,
        last_at as span_end,
        cast(record_count as decimal(38, 18)) as size,
        first_record_id as evidence_id,
        'record' as evidence_kind,
        'versions_contradict' as what_code,
        'compare_versions' as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'records': say_count('record_count', 'record'), 'fields': 'fields',
            'first_record_id': 'first_record_id',
        }) }} as words
    from counted

)

select * from final
