-- Each bill, and whether the first view of the ledger contains it (see the Bitget page).
with bills as (

    select * from {{ ref('base_bitget__spot_bills') }}

),

tax_rows as (

    select * from {{ ref('base_bitget__tax_spot_records') }}

),

tax_spans as (

    select * from {{ ref('int_covered_spans') }}
    where exchange = 'bitget' and stream = 'tax_spot_records'

),

in_spans as (

    select
        bills.*,
        coalesce(bills.billed_at < tax_spans.span_end, false) as is_in_walked_span
    from bills
    asof left join tax_spans
        on bills.account_id = tax_spans.account_id and bills.billed_at >= tax_spans.span_start

),

-- Outside the spans read to their end there can be tax records of an interrupted read.
outside as (

    select
        account_id,
        record_id,
        coin,
        size,
        billed_at
    from in_spans
    where not is_in_walked_span

),

matched_outside as (

    select distinct
        outside.account_id,
        outside.record_id
    from outside
    inner join tax_rows
        on
            outside.account_id = tax_rows.account_id
            and outside.coin = tax_rows.coin
            and outside.size = tax_rows.amount
            and outside.billed_at = tax_rows.recorded_at

),

judged as (

    select
        in_spans.*,
        in_spans.is_in_walked_span or matched_outside.record_id is not null as has_tax_record
    from in_spans
    left join matched_outside
        on
            in_spans.account_id = matched_outside.account_id
            and in_spans.record_id = matched_outside.record_id

)

select * from judged
