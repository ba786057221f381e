-- Trades put together from a unified account's tax rows that its executions tell already. The two
-- share no id, and an execution lies some milliseconds before its ledger rows: so an execution
-- tells every pair of the spans it was walked over, and near an edge the pair of its quantities.
with pairs as (

    select * from {{ ref('int_bitget__ledger_pairs') }}
    where stream = 'unified_tax_records' and kind = 'trade'

),

fills as (

    select * from {{ ref('base_bitget__unified_fills') }}
    where coalesce(category, '') not like '%FUTURES'

),

walked as (

    select * from {{ ref('int_covered_spans') }}
    where exchange = 'bitget' and stream = 'unified_fills'

),

inside as (

    select
        pairs.account_id,
        pairs.record_id
    from pairs
    asof inner join walked
        on
            pairs.account_id = walked.account_id
            and pairs.occurred_at >= walked.span_start + interval 10 seconds
    where pairs.occurred_at < walked.span_end - interval 10 seconds

),

alike as (

    select
        pairs.account_id,
        pairs.record_id
    from pairs
    inner join fills
        on
            pairs.account_id = fills.account_id
            and case when lower(fills.side) = 'buy' then fills.exec_qty else fills.exec_value end
            = pairs.received_quantity
            and case when lower(fills.side) = 'buy' then fills.exec_value else fills.exec_qty end
            = pairs.paid_quantity
            and abs(epoch_ms(pairs.occurred_at) - epoch_ms(fills.created_at)) < 10000

),

told as (

    select account_id, record_id from inside

    union

    select account_id, record_id from alike

)

select * from told
