-- Rows of the spot ledger, and of the unified one's tax records, that are a part of a trade or a conversion.
with tax_rows as (

    select
        *,
        'tax_spot_records' as stream
    from {{ ref('base_bitget__tax_spot_records') }}

    union all by name

    select
        account_id,
        stream,
        record_id,
        cast(null as varchar) as biz_order_id,
        coin,
        record_type as spot_tax_type,
        amount,
        fee,
        booked_at as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from {{ ref('int_bitget__unified_ledger') }}
    where
        stream = 'unified_tax_records'
        and coalesce(line, '') not like '%FUTURES'
        and not is_before_change

),

labels as (

    select * from {{ ref('bitget_labels') }}
    where part like 'trade_%' or part like 'conversion_%'

),

-- Rows of one event share the order id; older rows have none and are held together by their time.
legs as (

    select
        tax_rows.account_id,
        coalesce(
            tax_rows.biz_order_id, 'ms:' || epoch_ms(tax_rows.occurred_at)
        ) as event_key,
        split_part(labels.part, '_', 1) as kind,
        split_part(labels.part, '_', 2) as part,
        tax_rows.stream,
        tax_rows.record_id,
        tax_rows.coin,
        tax_rows.amount,
        coalesce(tax_rows.fee, 0) as fee,
        tax_rows.occurred_at,
        tax_rows.origin,
        tax_rows.receipt_id,
        tax_rows.loaded_at
    from tax_rows
    inner join labels on lower(trim(tax_rows.spot_tax_type)) = labels.label_key
    where tax_rows.amount is not null

)

select * from legs
