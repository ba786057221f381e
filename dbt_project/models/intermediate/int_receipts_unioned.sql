-- Every receipt, and whether a file contradicts the API where both cover a span: such a file is not
-- evidence for any other span either.
with receipts as (

    select * from {{ ref('int_receipts_loaded') }}

),

file_overlaps as (

    select * from {{ ref('int_file_overlaps') }}

),

contradicted as (

    select distinct account_id, receipt_id
    from file_overlaps
    where not agrees

),

final as (

    select
        receipts.*,
        contradicted.receipt_id is not null as is_contradicted
    from receipts
    left join contradicted
        on
            receipts.account_id = contradicted.account_id
            and receipts.receipt_id = contradicted.receipt_id

)

select * from final
