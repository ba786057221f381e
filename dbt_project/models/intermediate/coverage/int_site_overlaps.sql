{#-
    The comparison of files of the exchange's site with the API. It is made when a file is imported
    and after each sync, as such rows have no id of the API: see `pipelines/files/site_rows.py`. A
    file that differs in one span counts nowhere.
-#}
with site_overlaps as (

    {{ union_raw('site_overlaps') }}

),

receipts as (

    select * from {{ ref('int_receipts_loaded') }}
    where origin = 'file'

),

compared as (

    select
        -- keys
        md5(concat_ws('|', site_overlaps.receipt_id, epoch_us(site_overlaps.span_start))) as overlap_id,
        site_overlaps.account_id,
        site_overlaps.exchange,
        site_overlaps.stream,
        site_overlaps.receipt_id,
        site_overlaps.file_name,

        -- the span that both cover
        site_overlaps.span_start,
        site_overlaps.span_end,

        -- the contents of each
        site_overlaps.file_count,
        site_overlaps.api_count,
        site_overlaps.only_in_file,
        site_overlaps.only_in_api,
        cast(0 as bigint) as changed_count,
        site_overlaps.differences as differing_sums,
        site_overlaps.only_in_file = 0 and site_overlaps.only_in_api = 0 as agrees
    from site_overlaps
    inner join receipts using (account_id, exchange, receipt_id)

)

select * from compared
