with tax_rows as (

    select * from {{ ref('base_bitget__tax_spot_records') }}

),

bills as (

    select * from {{ ref('int_bitget__bills_judged') }}

),

labels as (

    select * from {{ ref('bitget_labels') }}

),

-- Each movement is one entry: bills count only without a tax record.
movements as (

    select
        {{ canonical_id('tax_spot_records') }} as ledger_entry_id,
        account_id,
        'tax_spot_records' as stream,
        record_id,
        coin,
        spot_tax_type as label,
        amount,
        -fee as fee_said,
        balance,
        biz_order_id,
        coalesce(recorded_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from tax_rows

    union all

    select
        {{ canonical_id('spot_bills') }} as ledger_entry_id,
        account_id,
        'spot_bills' as stream,
        record_id,
        coin,
        {{ bitget_label('business_type', 'group_type') }} as label,
        size as amount,
        -fees as fee_said,
        balance,
        biz_order_id,
        coalesce(billed_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from bills
    where not has_tax_record

),

canonical as (

    select
        -- keys
        movements.ledger_entry_id,
        movements.account_id,
        'bitget' as exchange,
        movements.stream,
        movements.record_id,
        movements.biz_order_id as event_id,

        -- what
        'spot' as wallet,
        movements.coin as asset,
        movements.coin as exchange_asset,
        coalesce(labels.entry_type, 'unclassified') as entry_type,
        movements.label as exchange_entry_type,
        cast(null as varchar) as market,
        cast(null as varchar) as note,
        cast(null as varchar) as accounting_regime,
        'completed' as status,
        cast(null as varchar) as exchange_status,

        -- how much
        movements.amount,
        -- If a row is only a fee (a deduction in BGB), the fee is the whole amount.
        case
            when labels.entry_type = 'fee' and coalesce(movements.fee_said, 0) = 0
                then -movements.amount
            else coalesce(movements.fee_said, 0)
        end as fee_amount,
        movements.balance as balance_after,

        -- when
        movements.occurred_at,

        -- where it came from
        movements.origin,
        movements.receipt_id,
        movements.loaded_at
    from movements
    left join labels on lower(trim(movements.label)) = labels.label_key

),

united as (

    select * from canonical

    union all by name

    select * from {{ ref('int_bitget__unified_entries') }}

    union all by name

    select * from {{ ref('int_bitget__futures_entries') }}

    union all by name

    select * from {{ ref('int_bitget__margin_entries') }}

)

select * from united
