{#-
    Streams that must be asked value by value and were not asked, for no value is known: what
    extraction said of them last. `is_settled`: everything that names such values was read to its
    end and named none. Otherwise one may be hidden in what was not read.
-#}
with receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where origin = 'api'

),

told as (

    select * from receipts
    where error_kind = 'nothing_to_ask'

),

newest as (

    select
        account_id,
        stream,
        max((asked_at, receipt_id)) as last_asking
    from receipts
    semi join told using (account_id, stream)
    group by account_id, stream

),

final as (

    select
        told.account_id,
        told.exchange,
        told.stream,
        told.outcome = 'exhausted' as is_settled,
        told.asked_at as told_at,
        told.error_text as reason
    from told
    inner join newest
        on
            told.account_id = newest.account_id
            and told.stream = newest.stream
            and (told.asked_at, told.receipt_id) = newest.last_asking

)

select * from final
