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

    select exchange, stream, from_json(key_fields, '["VARCHAR"]') as key_fields
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
    select * from {{ ref('int_shape_problems') }}

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
