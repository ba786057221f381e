with vanished as (

    {{ union_raw('vanished') }}

),

-- Rows of an incomplete load are left out: the next sync finds them again.
receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

final as (

    select
        -- keys
        vanished.account_id,
        vanished.exchange,
        vanished.stream,
        vanished.scope,
        vanished.record_id,
        vanished.record_hash,

        -- what was noticed, by which request
        vanished.is_served,
        vanished.receipt_id,

        -- when
        vanished.occurred_at,
        vanished.noticed_at
    from vanished
    inner join receipts
        on
            vanished.account_id = receipts.account_id
            and vanished.receipt_id = receipts.receipt_id

)

select * from final
