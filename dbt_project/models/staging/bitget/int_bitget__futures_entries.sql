-- The futures ledger in canonical columns: bills, and tax records without a bill.
with bills as (

    select * from {{ ref('base_bitget__mix_bills') }}

),

tax_rows as (

    select * from {{ ref('int_bitget__tax_futures_judged') }}
    where not has_bill

),

labels as (

    select * from {{ ref('bitget_futures_labels') }}

),

movements as (

    select
        {{ canonical_id('mix_bills') }} as ledger_entry_id,
        account_id,
        'mix_bills' as stream,
        record_id,
        {{ bitget_futures_wallet() }} as wallet,
        coin,
        symbol,
        business_type as label,
        amount as moved,
        {{ known_or_zero('fee') }} as fee,
        balance,
        coalesce(billed_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from bills

    union all

    select
        {{ canonical_id('tax_future_records') }} as ledger_entry_id,
        account_id,
        'tax_future_records' as stream,
        record_id,
        {{ bitget_futures_wallet(coin='margin_coin') }} as wallet,
        margin_coin as coin,
        symbol,
        future_tax_type as label,
        amount as moved,
        {{ known_or_zero('fee') }} as fee,
        cast(null as decimal(38, 18)) as balance,
        coalesce(recorded_at, occurred_at) as occurred_at,
        origin,
        receipt_id,
        loaded_at
    from tax_rows

),

named as (

    select
        movements.*,
        labels.entry_type,
        -- Here the amount does not include the fee, and the balance moves by both.
        movements.moved + movements.fee as amount,
        case
            when labels.entry_type in ('fee', 'funding') then -(movements.moved + movements.fee)
            else -movements.fee
        end as fee_amount
    from movements
    left join labels on lower(trim(movements.label)) = labels.label_key

),

canonical as (

    select
        {{ bitget_entry_columns() }}
    from named

)

select * from canonical
