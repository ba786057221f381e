-- Problems of the shapes of records: fields that no documentation names, documented fields that are
-- missing, and times that cannot be read.
with shapes as (

    select * from {{ ref('int_record_shapes') }}

),

specs as (

    select
        exchange,
        stream,
        kind,
        time_field,
        from_json(fields, '["VARCHAR"]') as documented
    from {{ ref('int_stream_specs_unioned') }}
    where is_current and fields is not null

),

differing_fields as (

    select
        shapes.*,
        'undocumented_field' as problem,
        unnest(list_filter(
            shapes.field_names, lambda name: not list_contains(specs.documented, name)
        )) as field
    from shapes
    inner join specs using (exchange, stream)

    union all

    select
        shapes.*,
        'missing_field' as problem,
        unnest(list_filter(
            specs.documented, lambda name: not list_contains(shapes.field_names, name)
        )) as field
    from shapes
    inner join specs using (exchange, stream)

),

-- A record without a field has no example of it.
field_problems as (

    select
        account_id,
        exchange,
        stream,
        problem,
        field,
        arg_min({{ value_of('example', 'field') }}, (first_at, record_id)) as example,
        sum(row_count) as row_count,
        min(first_at) as first_at,
        max(last_at) as last_at,
        arg_min(record_id, (first_at, record_id)) as record_id
    from differing_fields
    group by account_id, exchange, stream, problem, field

),

untimed_problems as (

    select
        shapes.account_id,
        shapes.exchange,
        shapes.stream,
        'unreadable_time' as problem,
        any_value(specs.time_field) as field,
        min({{ value_of('shapes.example', 'specs.time_field') }}) as example,
        sum(shapes.row_count) as row_count,
        cast(null as timestamptz) as first_at,
        cast(null as timestamptz) as last_at,
        min(shapes.record_id) as record_id
    from shapes
    inner join specs using (exchange, stream)
    where shapes.is_untimed and specs.kind = 'history'
    group by shapes.account_id, shapes.exchange, shapes.stream

),

problems as (

    select * from field_problems
    union all
    select * from untimed_problems

)

select * from problems
