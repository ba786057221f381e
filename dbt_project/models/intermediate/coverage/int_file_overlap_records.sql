{#-
    The records of spans that both a file and the API cover, one row a record. A record that only the
    file has counts where the API had read that moment before the file came; what the API reads later,
    byte by byte the same, is not stored a second time, so its absence there proves nothing.
-#}
with file_rows as (

    select * from {{ ref('int_file_rows_unioned') }}

),

records as (

    select * from {{ ref('int_imported_records') }}

),

readings as (

    select * from {{ ref('int_file_readings') }}

),

spans as (

    select distinct receipt_id, account_id, stream, span_start, span_end
    from readings

),

-- One row a record: a file may hold, and the API may have given, several versions of it.
file_side as (

    select
        spans.receipt_id,
        spans.span_start,
        file_rows.record_id,
        any_value(file_rows.occurred_at) as occurred_at,
        any_value(records.asset) as asset,
        list(distinct records.amount) filter (where records.amount is not null) as amounts,
        max(records.amount) as amount
    from spans
    inner join file_rows
        on
            spans.receipt_id = file_rows.receipt_id
            and file_rows.occurred_at >= spans.span_start
            and file_rows.occurred_at < spans.span_end
    left join records
        on
            file_rows.account_id = records.account_id
            and file_rows.stream = records.stream
            and file_rows.record_id = records.record_id
            and file_rows.record_hash = records.record_hash
    group by spans.receipt_id, spans.span_start, file_rows.record_id

),

api_side as (

    select
        spans.receipt_id,
        spans.span_start,
        records.record_id,
        any_value(records.occurred_at) as occurred_at,
        any_value(records.asset) as asset,
        list(distinct records.amount) filter (where records.amount is not null) as amounts,
        max(records.amount) as amount
    from spans
    inner join records
        on
            spans.account_id = records.account_id
            and spans.stream = records.stream
            and records.origin = 'api'
            and records.occurred_at >= spans.span_start
            and records.occurred_at < spans.span_end
    group by spans.receipt_id, spans.span_start, records.record_id

),

-- What the API had read before the file came.
read_before as (

    select distinct
        file_side.receipt_id,
        file_side.span_start,
        file_side.record_id
    from file_side
    anti join api_side using (receipt_id, span_start, record_id)
    inner join readings
        on
            file_side.receipt_id = readings.receipt_id
            and readings.asked_at < readings.imported_at
            and file_side.occurred_at >= readings.read_from
            and file_side.occurred_at < readings.read_to

),

compared as (

    select
        receipt_id,
        span_start,
        record_id,
        coalesce(file_side.asset, api_side.asset, '') as asset,
        file_side.amount as file_amount,
        -- What the API may have given in the file's own bytes is taken as given.
        case
            when api_side.record_id is null and read_before.record_id is null
                then file_side.amount
            when list_has_any(file_side.amounts, api_side.amounts) then file_side.amount
            else api_side.amount
        end as api_amount,
        file_side.record_id is not null as is_in_file,
        api_side.record_id is not null or read_before.record_id is null as is_in_api,
        api_side.record_id is not null
        and file_side.record_id is not null
        and len(file_side.amounts) > 0
        and not list_has_any(file_side.amounts, api_side.amounts) as is_changed
    from file_side
    full join api_side using (receipt_id, span_start, record_id)
    left join read_before using (receipt_id, span_start, record_id)

)

select * from compared
