-- Spans that both a file and the API cover, with the number and the sums of the records of each.
with spans as (

    select distinct receipt_id, account_id, exchange, stream, file_name, span_start, span_end
    from {{ ref('int_file_readings') }}

),

compared as (

    select * from {{ ref('int_file_overlap_records') }}

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

    union all by name

    select * from {{ ref('int_site_overlaps') }}

)

select * from final
