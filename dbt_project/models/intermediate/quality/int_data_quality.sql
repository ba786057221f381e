{#-
    Problems of the records themselves. Raw keeps each record as it came, and facts keep its row, so
    that nothing here is missing, but a person should check it. What each problem means: the docs
    block `data_quality_problem`.
-#}
with words as (

    select * from {{ ref('int_unclassified_words') }}

),

shapes as (

    select * from {{ ref('int_record_shapes') }}

),

unreadable as (

    select * from {{ ref('int_unreadable_rows') }}

),

specs as (

    select
        exchange,
        stream,
        kind,
        time_field,
        from_json(key_fields, '["VARCHAR"]') as key_fields,
        from_json(fields, '["VARCHAR"]') as documented
    from {{ ref('int_stream_specs_unioned') }}
    where is_current and fields is not null

),

totals as (

    select account_id, exchange, stream, sum(row_count) as stream_row_count
    from shapes
    group by account_id, exchange, stream

),

word_problems as (

    select
        account_id,
        exchange,
        stream,
        case field when 'status' then 'unknown_status' else 'unknown_type' end as problem,
        field,
        word as example,
        count(*) as row_count,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        arg_min(record_id, (occurred_at, record_id)) as record_id
    from words
    group by account_id, exchange, stream, field, word

),

undocumented as (

    select
        shapes.*,
        unnest(list_filter(
            shapes.field_names, lambda name: not list_contains(specs.documented, name)
        )) as field
    from shapes
    inner join specs using (exchange, stream)

),

undocumented_problems as (

    select
        account_id,
        exchange,
        stream,
        'undocumented_field' as problem,
        field,
        arg_min({{ value_of('example', 'field') }}, (first_at, record_id)) as example,
        sum(row_count) as row_count,
        min(first_at) as first_at,
        max(last_at) as last_at,
        arg_min(record_id, (first_at, record_id)) as record_id
    from undocumented
    group by account_id, exchange, stream, field

),

missing as (

    select
        shapes.*,
        unnest(list_filter(
            specs.documented, lambda name: not list_contains(shapes.field_names, name)
        )) as field
    from shapes
    inner join specs using (exchange, stream)

),

missing_problems as (

    select
        account_id,
        exchange,
        stream,
        'missing_field' as problem,
        field,
        cast(null as varchar) as example,
        sum(row_count) as row_count,
        min(first_at) as first_at,
        max(last_at) as last_at,
        arg_min(record_id, (first_at, record_id)) as record_id
    from missing
    group by account_id, exchange, stream, field

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

amount_problems as (

    select
        account_id,
        exchange,
        stream,
        'unreadable_amount' as problem,
        'amount' as field,
        cast(null as varchar) as example,
        count(distinct record_id) as row_count,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        arg_min(record_id, (occurred_at, record_id)) as record_id
    from unreadable
    where field = 'amount'
    group by account_id, exchange, stream

),

inexact_problems as (

    select
        account_id,
        exchange,
        stream,
        'inexact_amount' as problem,
        field,
        arg_min(left(value, 200), (occurred_at, record_id)) as example,
        count(*) as row_count,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        arg_min(record_id, (occurred_at, record_id)) as record_id
    from {{ ref('int_inexact_amounts') }}
    group by account_id, exchange, stream, field

),

problems as (

    select * from amount_problems
    union all
    select * from inexact_problems
    union all
    select * from word_problems
    union all
    select * from undocumented_problems
    union all
    select * from missing_problems
    union all
    select * from untimed_problems

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            problems.account_id, problems.stream, problems.problem, problems.field,
            case when problems.problem in ('unknown_status', 'unknown_type') then problems.example end
        )) as data_quality_id,
        problems.account_id,
        problems.exchange,
        problems.stream,

        -- what is odd
        problems.problem,
        case
            when problems.problem in ('undocumented_field', 'inexact_amount') then 'info'
            -- Many exchanges leave a field out where it has no value.
            when
                problems.problem = 'missing_field'
                and not list_contains(specs.key_fields, problems.field)
                then 'info'
            else 'warning'
        end as severity,
        problems.field,
        problems.example,

        -- how often, and where to look
        cast(problems.row_count as bigint) as row_count,
        cast(totals.stream_row_count as bigint) as stream_row_count,
        problems.record_id,

        -- when
        problems.first_at,
        problems.last_at
    from problems
    left join totals using (account_id, exchange, stream)
    left join specs using (exchange, stream)

)

select * from final
