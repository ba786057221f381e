{#-
    Streams that must be asked value by value and were not asked, for no value is known: what
    extraction said of them last. `is_settled`: everything that names such values was read to its
    end and named none. Otherwise one may be hidden in what was not read.
-#}
with receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where origin = 'api'

),

stated as (

    select * from receipts
    where error_kind = 'nothing_to_ask'

),

newest as (

    select
        account_id,
        stream,
        max((asked_at, receipt_id)) as last_asking
    from receipts
    semi join stated using (account_id, stream)
    group by account_id, stream

),

final as (

    select
        stated.account_id,
        stated.exchange,
        stated.stream,
        stated.outcome = 'exhausted' as is_settled,
        stated.asked_at as stated_at,
        stated.error_text as reason
    from stated
    inner join newest
        on
            stated.account_id = newest.account_id
            and stated.stream = newest.stream
            and (stated.asked_at, stated.receipt_id) = newest.last_asking

)

select * from final
