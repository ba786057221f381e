{#-
    Streams that must be asked value by value and were not asked, for no value is known: what
    extraction said of them last. `is_settled`: everything that names such values was read to its
    end and named none. Otherwise one may be hidden in what was not read.
-#}
with receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where origin = 'api'

),

newest as (

    select * from receipts
    qualify row_number() over (
        partition by account_id, stream order by asked_at desc, receipt_id desc
    ) = 1

),

final as (

    select
        account_id,
        exchange,
        stream,
        outcome = 'exhausted' as is_settled,
        asked_at as told_at,
        error_text as reason
    from newest
    where error_kind = 'nothing_to_ask'

)

select * from final
