{#- Two legs that the exchange itself gives one id: same exchange, coin and amount. -#}
with legs as (

    select * from {{ ref('int_transfer_legs') }}
    where internal_id is not null

),

candidates as (

    select
        outs.leg_id as from_leg_id,
        ins.leg_id as to_leg_id,
        count(*) over (partition by outs.leg_id) as ins_of_out,
        count(*) over (partition by ins.leg_id) as outs_of_in
    from legs as outs
    inner join legs as ins
        on
            outs.exchange = ins.exchange
            and outs.internal_id = ins.internal_id
            and outs.asset = ins.asset
            and outs.direction = 'out'
            and ins.direction = 'in'
            and (outs.leg_kind = 'transfer') = (ins.leg_kind = 'transfer')
            and (outs.account_id, outs.wallet) != (ins.account_id, ins.wallet)
            and ins.most_amount between outs.least_amount and outs.most_amount

)

select
    from_leg_id,
    to_leg_id,
    'exchange_id' as method,
    'certain' as confidence
from candidates
where ins_of_out = 1 and outs_of_in = 1
