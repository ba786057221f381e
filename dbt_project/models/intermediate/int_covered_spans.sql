-- Spans that were read to their end, per account and stream; overlapping spans are merged.
with receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

walked as (

    select
        account_id,
        exchange,
        stream,
        scope,
        asked_from,
        asked_to
    from receipts
    where
        outcome = 'exhausted'
        and asked_from < asked_to
        and not coalesce(is_contradicted, false)

),

marked as (

    select
        *,
        asked_from > max(asked_to) over (
            partition by account_id, stream, scope
            order by asked_from, asked_to
            rows between unbounded preceding and 1 preceding
        ) as is_after_a_hole
    from walked

),

numbered as (

    select
        *,
        count(*) filter (where is_after_a_hole) over (
            partition by account_id, stream, scope
            order by asked_from, asked_to
            rows between unbounded preceding and current row
        ) as span_number
    from marked

),

merged as (

    select
        account_id,
        exchange,
        stream,
        scope,
        min(asked_from) as span_start,
        max(asked_to) as span_end
    from numbered
    group by account_id, exchange, stream, scope, span_number

)

select * from merged
