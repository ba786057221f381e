-- The receipts that count for coverage: not those without a value to request by, as nothing was
-- requested.
with receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where error_kind is distinct from 'nothing_to_ask'

),

unreadable as (

    select distinct account_id, receipt_id
    from {{ ref('int_unreadable_rows') }}

),

final as (

    select
        receipts.account_id,
        receipts.exchange,
        receipts.stream,
        receipts.scope,
        receipts.receipt_id,
        receipts.asked_from,
        receipts.asked_to,
        receipts.asked_at,
        receipts.oldest_at,
        receipts.outcome,
        receipts.origin,
        -- A row that cannot be read is in no mart, so its span is not proven either.
        receipts.is_contradicted or unreadable.receipt_id is not null as is_contradicted,
        case when receipts.floor_reason = 'retention' then receipts.floor_at end as gone_before
    from receipts
    left join unreadable using (account_id, receipt_id)

)

select * from final
