{#-
    Moves with both ends stated by the exchange. Some exchanges write such a move twice, once for
    each of its wallets or accounts, under one id: that is one move.
-#}
with transfers as (

    select * from {{ ref('int_transfers_unioned') }}
    where from_account_id is not null and to_account_id is not null

),

internal_ids as (

    select * from {{ ref('int_internal_ids_unioned') }}

),

numbered as (

    select
        transfers.*,
        row_number() over (
            partition by
                transfers.exchange,
                coalesce(internal_ids.internal_id, transfers.transfer_id),
                transfers.asset,
                transfers.from_account_id,
                transfers.from_wallet,
                transfers.to_account_id,
                transfers.to_wallet
            -- A record that was requested again later is preferred.
            order by
                (transfers.status is not distinct from 'pending'),
                (transfers.account_id = transfers.from_account_id) desc,
                transfers.amount_received is not null desc,
                transfers.transfer_id
        ) as telling
    from transfers
    left join internal_ids on transfers.transfer_id = internal_ids.leg_id

)

select * exclude (telling) from numbered
where telling = 1
