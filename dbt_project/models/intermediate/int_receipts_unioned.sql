-- Every receipt, and whether a file contradicts the API where both cover a span: such a file is not
-- evidence for any other span either.
with receipts as (

    select * from {{ ref('int_receipts_loaded') }}

),

file_overlaps as (

    select * from {{ ref('int_file_overlaps') }}

),

-- A file of the site has several receipts: they count together.
contradicted as (

    select distinct receipts.account_id, receipts.stream, receipts.file_sha256
    from file_overlaps
    inner join receipts using (account_id, receipt_id)
    where not file_overlaps.agrees

),

final as (

    select
        receipts.*,
        contradicted.account_id is not null as is_contradicted
    from receipts
    left join contradicted
        on
            receipts.account_id = contradicted.account_id
            and receipts.stream = contradicted.stream
            and receipts.file_sha256 = contradicted.file_sha256

)

select * from final
