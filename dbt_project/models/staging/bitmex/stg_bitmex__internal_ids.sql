-- On a transfer `tx` is a guid. That both sides show the same one is not stated; where they do, it
-- is one move.
with transactions as (

    select * from {{ ref('int_bitmex__transactions') }}
    where
        transact_type = 'Transfer'
        and not is_bonus
        and regexp_full_match(tx, '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}')
        and {{ bitmex_id('tx') }} is not null

),

canonical as (

    select
        {{ canonical_id('wallet_history') }} as leg_id,
        account_id,
        'bitmex' as exchange,
        lower(tx) as internal_id
    from transactions

)

select * from canonical
