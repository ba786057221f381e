{#-
    Scopes that an exchange knows no more: a pair that was delisted and whose trades it no longer
    tells. What was asked since the last answer says so, and there the scope ends. One that answers
    again is open again.
-#}
with receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where origin = 'api' and scope != ''

),

judged as (

    select
        *,
        outcome = 'refused' and coalesce(error_kind = 'unknown_scope', false) as is_unknown,
        max(asked_at) filter (where outcome in ('exhausted', 'row_cap', 'unresolved')) over (
            partition by account_id, stream, scope
        ) as last_answered_at
    from receipts

),

final as (

    select
        account_id,
        exchange,
        stream,
        scope,
        min(asked_to) as closed_at
    from judged
    where is_unknown and asked_at > coalesce(last_answered_at, timestamptz '-infinity')
    group by account_id, exchange, stream, scope

)

select * from final
