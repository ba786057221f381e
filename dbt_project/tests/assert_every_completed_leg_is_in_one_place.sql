-- A completed withdrawal or deposit is one side of one transfer, or a candidate: never both, never
-- neither.
with legs as (

    select withdrawal_id as leg_id from {{ ref('fct_withdrawals') }}
    where status = 'completed' and amount > 0

    union all

    select deposit_id as leg_id from {{ ref('fct_deposits') }}
    where status = 'completed' and amount > 0

),

places as (

    select withdrawal_id as leg_id from {{ ref('fct_transfers') }}
    where withdrawal_id is not null

    union all

    select deposit_id as leg_id from {{ ref('fct_transfers') }}
    where deposit_id is not null

    union all

    select candidate_id as leg_id from {{ ref('fct_transfer_candidates') }}

),

counted as (

    select
        leg_id,
        count(*) as place_count
    from places
    group by leg_id

)

select
    coalesce(legs.leg_id, counted.leg_id) as leg_id,
    coalesce(counted.place_count, 0) as place_count
from legs
full join counted on legs.leg_id = counted.leg_id
where legs.leg_id is null or counted.place_count is distinct from 1
