{#-
    The comparison of files of the exchange's site with the API. It is made when a file is imported
    and after each sync, as such rows have no id of the API: see `pipelines/files/site_rows.py`. A
    file that differs in one span counts nowhere.
-#}
with overlaps as (

    {{ union_raw('site_overlaps') }}

),

receipts as (

    select * from {{ ref('int_receipts_loaded') }}
    where origin = 'file'

),

compared as (

    select
        -- keys
        md5(concat_ws('|', overlaps.receipt_id, epoch_us(overlaps.span_start))) as overlap_id,
        overlaps.account_id,
        overlaps.exchange,
        overlaps.stream,
        overlaps.receipt_id,
        overlaps.file_name,

        -- the span that both cover
        overlaps.span_start,
        overlaps.span_end,

        -- the contents of each
        overlaps.file_count,
        overlaps.api_count,
        overlaps.only_in_file,
        overlaps.only_in_api,
        cast(0 as bigint) as changed_count,
        overlaps.differences as differing_sums,
        overlaps.only_in_file = 0 and overlaps.only_in_api = 0 as agrees
    from overlaps
    inner join receipts using (account_id, exchange, receipt_id)

)

select * from compared
