-- The requests of the API that overlap the span of a file: what both cover, and the span without a
-- break that it is part of.
with receipts as (

    select * from {{ ref('int_receipts_loaded') }}
    where outcome = 'exhausted' and asked_from < asked_to

),

file_rows as (

    select * from {{ ref('int_file_rows_unioned') }}

),

files as (

    select * from receipts
    where origin = 'file' and receipt_id in (select receipt_id from file_rows)

),

-- A stream that is requested scope by scope has no single span in which all of it was read.
read_files as (

    select
        files.receipt_id,
        files.account_id,
        files.exchange,
        files.stream,
        files.file_name,
        files.asked_at as imported_at,
        api.asked_at,
        greatest(files.asked_from, api.asked_from) as read_from,
        least(files.asked_to, api.asked_to) as read_to
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
            read_from > max(read_to) over (
                partition by receipt_id order by read_from, read_to
                rows between unbounded preceding and 1 preceding
            ),
            true
        ) as is_new_span
    from read_files

),

numbered as (

    select
        *,
        count_if(is_new_span) over (
            partition by receipt_id order by read_from, read_to
            rows between unbounded preceding and current row
        ) as span_number
    from marked

),

readings as (

    select
        receipt_id,
        account_id,
        exchange,
        stream,
        file_name,
        imported_at,
        asked_at,
        read_from,
        read_to,
        min(read_from) over (partition by receipt_id, span_number) as span_start,
        max(read_to) over (partition by receipt_id, span_number) as span_end
    from numbered

)

select * from readings
