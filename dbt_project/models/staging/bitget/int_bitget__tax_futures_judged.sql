-- Each tax record of the futures ledger, and whether its bills contain it (see the Bitget page).
with tax_rows as (

    select * from {{ ref('base_bitget__tax_future_records') }}

),

bills as (

    select * from {{ ref('base_bitget__mix_bills') }}

),

bill_spans as (

    select * from {{ ref('int_covered_spans') }}
    where exchange = 'bitget' and stream = 'mix_bills'

),

in_spans as (

    select
        tax_rows.*,
        coalesce(tax_rows.recorded_at < bill_spans.span_end, false) as is_in_walked_span
    from tax_rows
    asof left join bill_spans
        on
            tax_rows.account_id = bill_spans.account_id
            and tax_rows.product = bill_spans.scope
            and tax_rows.recorded_at >= bill_spans.span_start

),

-- Outside the spans read to their end there can be bills of an interrupted read. Equal movements of
-- one millisecond are counted, because legitimate duplicates are two movements.
outside as (

    select
        account_id,
        record_id,
        product,
        margin_coin,
        amount,
        coalesce(fee, 0) as fee,
        recorded_at,
        row_number() over (
            partition by account_id, product, margin_coin, amount, coalesce(fee, 0), recorded_at
            order by record_id
        ) as duplicate_number
    from in_spans
    where not is_in_walked_span

),

counted_bills as (

    select
        account_id,
        product,
        coin,
        amount,
        coalesce(fee, 0) as fee,
        billed_at,
        count(*) as bill_count
    from bills
    group by all

),

matched_outside as (

    select
        outside.account_id,
        outside.record_id
    from outside
    inner join counted_bills
        on
            outside.account_id = counted_bills.account_id
            and outside.product = counted_bills.product
            and outside.margin_coin = counted_bills.coin
            and outside.amount = counted_bills.amount
            and outside.fee = counted_bills.fee
            and outside.recorded_at = counted_bills.billed_at
    where outside.duplicate_number <= counted_bills.bill_count

),

judged as (

    select
        in_spans.*,
        in_spans.is_in_walked_span or matched_outside.record_id is not null as has_bill
    from in_spans
    left join matched_outside
        on
            in_spans.account_id = matched_outside.account_id
            and in_spans.record_id = matched_outside.record_id

)

select * from judged
