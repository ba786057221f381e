{#-
    How fast an account makes rows of a stream that gives only its newest so many: by its busiest
    seven days, since a quiet year says little about the week in which rows are lost.
-#}
with records as (

    select * from {{ ref('int_newest_rows') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and newest_rows is not null

),

counted as (

    select
        records.account_id,
        records.exchange,
        records.stream,
        records.occurred_at,
        specs.newest_rows,
        count(*) over (
            partition by records.account_id, records.stream
            order by records.occurred_at
            range between interval 7 days preceding and current row
        ) as week_rows,
        row_number() over (
            partition by records.account_id, records.stream order by records.occurred_at desc
        ) as place
    from records
    inner join specs on records.exchange = specs.exchange and records.stream = specs.stream

),

final as (

    select
        account_id,
        exchange,
        stream,
        count(*) as row_count,
        max(week_rows) as busiest_week_rows,
        min(occurred_at) filter (where place = newest_rows) as oldest_given_at
    from counted
    group by account_id, exchange, stream

)

select * from final
