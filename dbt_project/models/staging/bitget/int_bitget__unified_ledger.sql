-- Both tellings of a unified account's ledger, each movement net of its fee, and whether the row
-- counts: see the rule on the Bitget page.
with financial as (

    select * from {{ ref('base_bitget__unified_financial_records') }}

),

tax as (

    select * from {{ ref('base_bitget__unified_tax_records') }}

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where exchange = 'bitget' and stream = 'unified_tax_records'

),

walked as (

    select * from {{ ref('int_covered_spans') }}
    where exchange = 'bitget' and stream = 'unified_financial_records'

),

since as (

    select * from {{ ref('int_bitget__unified_since') }}

),

-- A tax record does not state its business line; its receipt does.
views as (

    select
        financial.account_id,
        'unified_financial_records' as stream,
        financial.record_id,
        financial.category as line,
        financial.symbol,
        financial.coin,
        financial.record_type,
        financial.amount,
        {{ known_or_zero('financial.fee', 'financial.unreadable_amounts') }} as fee,
        financial.balance,
        coalesce(financial.booked_at, financial.occurred_at) as booked_at,
        financial.origin,
        financial.receipt_id,
        financial.loaded_at
    from financial

    union all

    select
        tax.account_id,
        'unified_tax_records' as stream,
        tax.record_id,
        split_part(receipts.scope, '/', 1) as line,
        cast(null as varchar) as symbol,
        tax.coin,
        tax.record_type,
        tax.amount,
        {{ known_or_zero('tax.fee', 'tax.unreadable_amounts') }} as fee,
        tax.balance,
        coalesce(tax.booked_at, tax.occurred_at) as booked_at,
        tax.origin,
        tax.receipt_id,
        tax.loaded_at
    from tax
    left join receipts on tax.receipt_id = receipts.receipt_id

),

-- Whether `amount` has the fee in it is nowhere said. The balances say: of a row with a fee, the
-- balance before it and one of the two sums give the balance after it. Futures have a reading of
-- their own: in the classic ledger their fee stands beside the amount, and that of spot is inside.
stepped as (

    select
        *,
        coalesce(line, '') like '%FUTURES' as is_futures,
        lag(balance) over (
            partition by account_id, stream, coin
            order by booked_at, try_cast(record_id as hugeint), record_id
        ) as balance_before
    from views

),

readings as (

    select
        stream,
        is_futures,
        count_if(balance = balance_before + amount + fee) as outside,
        count_if(balance = balance_before + amount) as inside
    from stepped
    where fee != 0
    group by stream, is_futures

),

net as (

    select
        stepped.* exclude (amount, fee, is_futures, balance_before),
        case
            when coalesce(readings.outside - readings.inside, 0) > 0
                or (stepped.is_futures and coalesce(readings.outside - readings.inside, 0) = 0)
                then stepped.amount + stepped.fee
            else stepped.amount
        end as amount,
        stepped.fee,
        coalesce(stepped.booked_at < since.counts_from, false) as is_before_change
    from stepped
    left join readings
        on stepped.stream = readings.stream and stepped.is_futures = readings.is_futures
    left join since on stepped.account_id = since.account_id

),

in_spans as (

    select
        net.*,
        net.stream = 'unified_tax_records'
        and coalesce(net.booked_at < walked.span_end, false) as is_in_walked_span
    from net
    asof left join walked
        on
            net.account_id = walked.account_id
            and net.line = walked.scope
            and net.booked_at >= walked.span_start

),

-- Outside the spans read to their end there can be the other record, of an interrupted read. Equal
-- movements of one millisecond are counted, because legitimate duplicates are two movements.
outside as (

    select
        account_id, record_id, line, coin, amount, booked_at,
        row_number() over (
            partition by account_id, line, coin, amount, booked_at
            order by try_cast(record_id as hugeint), record_id
        ) as duplicate_number
    from in_spans
    where stream = 'unified_tax_records' and not is_in_walked_span

),

counted as (

    select account_id, line, coin, amount, booked_at, count(*) as record_count
    from net
    where stream = 'unified_financial_records'
    group by all

),

matched_outside as (

    select distinct
        outside.account_id,
        outside.record_id
    from outside
    inner join counted
        on
            outside.account_id = counted.account_id
            -- The line of a row without a receipt is unknown.
            and coalesce(outside.line, counted.line) = counted.line
            and outside.coin = counted.coin
            and outside.amount = counted.amount
            and outside.booked_at = counted.booked_at
    where outside.duplicate_number <= counted.record_count

),

judged as (

    select
        in_spans.*,
        in_spans.is_in_walked_span or matched_outside.record_id is not null
            as has_financial_record,
        not (has_financial_record or in_spans.is_before_change) as is_entry
    from in_spans
    left join matched_outside
        on
            in_spans.account_id = matched_outside.account_id
            and in_spans.record_id = matched_outside.record_id
            and in_spans.stream = 'unified_tax_records'

)

select * from judged
