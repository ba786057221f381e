-- Trades that were derived from tax records of a unified account, and for which an execution exists.
-- Both have no common id, and an execution is some milliseconds before its ledger rows. So every pair
-- inside a completely read span of executions has one; near an edge, quantities are compared.
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

executed as (

    select account_id, record_id from inside

    union

    select account_id, record_id from alike

)

select * from executed
