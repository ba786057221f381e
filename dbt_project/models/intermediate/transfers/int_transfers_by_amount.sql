{#-
    Legs that no id and no hash ties together: same coin, out before in, and an amount that can be
    the same money, all within the published tolerances. Only legs that are each other's one and
    only candidate are a pair. To find candidates without comparing all with all, legs are looked
    up by coin, six hours and magnitude.
-#}
with legs as (

    select * from {{ ref('int_transfer_legs') }}

),

pairs_by_id as (

    select * from {{ ref('int_transfers_by_id') }}

),

pairs_by_hash as (

    select * from {{ ref('int_transfers_by_hash') }}
    where is_pair

),

taken as (

    select unnest([from_leg_id, to_leg_id]) as leg_id from pairs_by_id

    union

    select unnest([from_leg_id, to_leg_id]) as leg_id from pairs_by_hash

),

free as (

    select legs.* from legs
    anti join taken on legs.leg_id = taken.leg_id

),

-- With a fee of nine tenths or more, the legs are not matched.
outs_by_time as (

    select
        *,
        unnest(generate_series(
            {{ quarter_day('other_side_from') }}, {{ quarter_day('other_side_until') }}
        )) as time_key,
        {{ magnitude('least_amount') }} as least_size,
        {{ magnitude('most_amount') }} as most_size
    from free
    where direction = 'out' and least_amount > 0

),

outs as (

    select
        *,
        unnest(generate_series(greatest(least_size, most_size - 90), most_size)) as size_key
    from outs_by_time

),

ins as (

    select
        *,
        {{ quarter_day('happened_at') }} as time_key,
        {{ magnitude('most_amount') }} as size_key
    from free
    where direction = 'in'

),

candidates as (

    select
        outs.leg_id as from_leg_id,
        ins.leg_id as to_leg_id,
        ins.most_amount = outs.stated_amount as is_exact,
        -- Both sides have the same address, or both accounts name each other.
        coalesce(outs.address_key = ins.address_key, false)
        or coalesce(
            outs.counterparty = ins.account_number and ins.counterparty = outs.account_number,
            false
        ) as is_named
    from outs
    inner join ins
        on
            outs.asset = ins.asset
            and outs.time_key = ins.time_key
            and outs.size_key = ins.size_key
            and outs.account_id != ins.account_id
            and ins.happened_at between outs.other_side_from and outs.other_side_until
            and ins.most_amount between outs.least_amount and outs.most_amount
            -- A transfer inside an exchange does not leave it, and its transfers match only transfers.
            and (outs.leg_kind = 'transfer') = (ins.leg_kind = 'transfer')
            and outs.is_internal = ins.is_internal
            and (not outs.is_internal or outs.exchange = ins.exchange)
            -- Different hashes, chains, addresses, tags or names show two different transfers.
            and (outs.hash_key is null or ins.hash_key is null)
            and coalesce(outs.chain = ins.chain, true)
            and coalesce(outs.address_key = ins.address_key, true)
            and coalesce(outs.address_tag = ins.address_tag, true)
            and coalesce(outs.counterparty = ins.account_number, true)
            and coalesce(ins.counterparty = outs.account_number, true)

),

counted as (

    select
        *,
        count(*) over (partition by from_leg_id) as ins_of_out,
        count(*) over (partition by to_leg_id) as outs_of_in
    from candidates

),

final as (

    select
        from_leg_id,
        to_leg_id,
        'amount_and_time' as method,
        case when is_named and is_exact then 'high' else 'medium' end as confidence,
        ins_of_out = 1 and outs_of_in = 1 as is_pair
    from counted

)

select * from final
