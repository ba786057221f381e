with file_states as (

    {{ union_raw('file_states') }}

),

receipts as (

    select * from {{ ref('int_receipts_loaded') }}
    where origin = 'file'

),

of_complete_loads as (

    select
        -- keys
        file_states.receipt_id,
        file_states.account_id,
        file_states.exchange,
        file_states.stream,
        file_states.record_id,

        -- what the file is
        file_states.is_whole,

        -- when
        receipts.taken_at
    from file_states
    inner join receipts on file_states.receipt_id = receipts.receipt_id

)

select * from of_complete_loads
