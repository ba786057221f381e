with receipts as (

    {{ union_raw('receipts') }}

),

loads as (

    {{ union_raw('_dlt_loads') }}

),

complete_loads as (

    select
        exchange,
        load_id,
        max(inserted_at) as loaded_at
    from loads
    where status = 0
    group by exchange, load_id

),

-- A receipt of a load that was cut off claims nothing: its rows may not have arrived.
of_complete_loads as (

    select
        -- keys
        receipts.receipt_id,
        receipts.account_id,
        receipts.exchange,
        receipts.stream,
        coalesce(receipts.scope, '') as scope,

        -- what was requested
        receipts.asked_from,
        receipts.asked_to,
        receipts.floor_at,
        receipts.floor_reason,

        -- what came of it
        receipts.outcome,
        receipts.rows as row_count,
        receipts.pages as page_count,
        receipts.skipped as skipped_count,
        receipts.oldest_at,
        receipts.newest_at,
        receipts.held_from,
        receipts.error_kind,
        receipts.error_text,

        -- from where
        receipts.origin,
        receipts.file_sha256,
        receipts.file_name,
        receipts.account_evidence,
        receipts.file_format,

        -- when: the data of a file is of the time it was created, which not every file states
        case receipts.origin when 'file' then receipts.taken_at else receipts.asked_at end
            as taken_at,
        receipts.asked_at,
        receipts.finished_at,
        complete_loads.loaded_at
    from receipts
    inner join complete_loads
        on
            receipts.exchange = complete_loads.exchange
            and receipts._dlt_load_id = complete_loads.load_id

)

select * from of_complete_loads
