with file_rows as (

    {{ union_raw('file_rows') }}

),

receipts as (

    select * from {{ ref('int_receipts_loaded') }}

),

of_complete_loads as (

    select
        -- keys
        file_rows.receipt_id,
        file_rows.account_id,
        file_rows.exchange,
        file_rows.stream,
        file_rows.record_id,
        file_rows.record_hash,

        -- when
        file_rows.occurred_at
    from file_rows
    inner join receipts
        on
            file_rows.account_id = receipts.account_id
            and file_rows.receipt_id = receipts.receipt_id

)

select * from of_complete_loads
