{#-
    Spans that both a file and the API cover, with the records of each. A record that only the file
    has counts where the API had read that moment before the file came; what the API reads later,
    byte by byte the same, is not stored a second time, so its absence there proves nothing.
-#}
with receipts as (

    select * from {{ ref('int_receipts_loaded') }}
    where outcome = 'exhausted' and asked_from < asked_to

),

file_rows as (

    select * from {{ ref('int_file_rows_unioned') }}

),

records as (

    select * from {{ ref('int_imported_records') }}

),

files as (

    select * from receipts
    where origin = 'file' and receipt_id in (select receipt_id from file_rows)

),

-- A stream that is requested scope by scope has no single span in which all of it was read.
readings as (

    select
        files.receipt_id,
        files.account_id,
        files.exchange,
        files.stream,
        files.file_name,
        files.asked_at as imported_at,
        api.asked_at,
        greatest(files.asked_from, api.asked_from) as span_start,
        least(files.asked_to, api.asked_to) as span_end
    from files
    inner join receipts as api
        on
            files.account_id = api.account_id
            and files.stream = api.stream
            and api.origin = 'api'
            and api.scope = ''
            and files.asked_from < api.asked_to
            and api.asked_from < files.asked_to

),

marked as (

    select
        *,
        coalesce(
            span_start > max(span_end) over (
                partition by receipt_id order by span_start, span_end
                rows between unbounded preceding and 1 preceding
            ),
            true
        ) as is_new_span
    from readings

),

numbered as (

    select
        *,
        count_if(is_new_span) over (
            partition by receipt_id order by span_start, span_end
            rows between unbounded preceding and current row
        ) as span_number
    from marked

),

spans as (

    select
        receipt_id,
        account_id,
        exchange,
        stream,
        file_name,
        min(span_start) as span_start,
        max(span_end) as span_end
    from numbered
    group by receipt_id, account_id, exchange, stream, file_name, span_number

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
            and file_side.occurred_at >= readings.span_start
            and file_side.occurred_at < readings.span_end

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

),

assets as (

    select
        receipt_id,
        span_start,
        asset,
        count_if(is_in_file) as file_count,
        count_if(is_in_api) as api_count,
        count_if(is_in_file and not is_in_api) as only_in_file,
        count_if(is_in_api and not is_in_file) as only_in_api,
        count_if(is_changed) as changed_count,
        coalesce(sum(file_amount) filter (where is_in_file), 0) as file_sum,
        coalesce(sum(api_amount) filter (where is_in_api), 0) as api_sum
    from compared
    group by receipt_id, span_start, asset

),

counted as (

    select
        receipt_id,
        span_start,
        sum(file_count) as file_count,
        sum(api_count) as api_count,
        sum(only_in_file) as only_in_file,
        sum(only_in_api) as only_in_api,
        sum(changed_count) as changed_count,
        string_agg(
            concat(
                asset, ' ', {{ say_amount('file_sum') }}, ' in the file, ',
                {{ say_amount('api_sum') }}, ' by the API'
            ),
            '; ' order by asset
        ) filter (where file_sum != api_sum) as differing_sums
    from assets
    group by receipt_id, span_start

),

final as (

    select
        -- keys
        md5(concat_ws('|', spans.receipt_id, epoch_us(spans.span_start))) as overlap_id,
        spans.account_id,
        spans.exchange,
        spans.stream,
        spans.receipt_id,
        spans.file_name,

        -- the span that both cover
        spans.span_start,
        spans.span_end,

        -- the contents of each
        cast(coalesce(counted.file_count, 0) as bigint) as file_count,
        cast(coalesce(counted.api_count, 0) as bigint) as api_count,
        cast(coalesce(counted.only_in_file, 0) as bigint) as only_in_file,
        cast(coalesce(counted.only_in_api, 0) as bigint) as only_in_api,
        cast(coalesce(counted.changed_count, 0) as bigint) as changed_count,
        counted.differing_sums,
        coalesce(
            counted.only_in_file = 0 and counted.only_in_api = 0 and counted.changed_count = 0, true
        ) as agrees
    from spans
    left join counted
        on
            spans.receipt_id = counted.receipt_id
            and spans.span_start = counted.span_start

)

select * from final
