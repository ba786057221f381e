{#-
    Withdrawals and deposits of one transaction on a chain. A transaction can pay many people, so
    coin and amount must agree as well; among several the exact amount, the output's number and the
    address decide, and where they do not, all are left open.
-#}
with legs as (

    select * from {{ ref('int_transfer_legs') }}
    where hash_key is not null and leg_kind != 'transfer'

),

pairs_by_id as (

    select * from {{ ref('int_transfers_by_id') }}

),

free as (

    select legs.* from legs
    anti join pairs_by_id on legs.leg_id = pairs_by_id.from_leg_id
    anti join pairs_by_id as arrivals on legs.leg_id = arrivals.to_leg_id

),

candidates as (

    select
        outs.leg_id as from_leg_id,
        ins.leg_id as to_leg_id,
        ins.most_amount between outs.least_amount and outs.most_amount as is_amount_right,
        ins.most_amount = outs.stated_amount as is_exact,
        4 * (ins.most_amount = outs.stated_amount)::integer
        + 2 * coalesce(outs.hash_output = ins.hash_output, false)::integer
        + coalesce(outs.address_key = ins.address_key, false)::integer as evidence
    from free as outs
    inner join free as ins
        on
            outs.hash_key = ins.hash_key
            and outs.asset = ins.asset
            and outs.direction = 'out'
            and ins.direction = 'in'
            and coalesce(outs.hash_output = ins.hash_output, true)

),

compared as (

    select
        *,
        max(evidence) filter (where is_amount_right) over (partition by from_leg_id)
            as best_of_out,
        max(evidence) filter (where is_amount_right) over (partition by to_leg_id) as best_of_in
    from candidates

),

counted as (

    select
        *,
        count(*) filter (where is_amount_right and evidence = best_of_out) over (
            partition by from_leg_id
        ) as ins_of_out,
        count(*) filter (where is_amount_right and evidence = best_of_in) over (
            partition by to_leg_id
        ) as outs_of_in
    from compared

),

final as (

    select
        from_leg_id,
        to_leg_id,
        'tx_hash' as method,
        case when is_exact then 'certain' else 'high' end as confidence,
        is_amount_right,
        is_amount_right
        and evidence = best_of_out
        and evidence = best_of_in
        and ins_of_out = 1
        and outs_of_in = 1 as is_pair
    from counted

)

select * from final
