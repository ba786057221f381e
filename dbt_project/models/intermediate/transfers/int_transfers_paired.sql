-- All pairs, each by the strongest method that finds it; no leg is in two pairs.
with by_id as (

    select * from {{ ref('int_transfers_by_id') }}

),

by_hash as (

    select * from {{ ref('int_transfers_by_hash') }}
    where is_pair

),

by_amount as (

    select * from {{ ref('int_transfers_by_amount') }}
    where is_pair

),

pairs as (

    select from_leg_id, to_leg_id, method, confidence from by_id

    union all

    select from_leg_id, to_leg_id, method, confidence from by_hash

    union all

    select from_leg_id, to_leg_id, method, confidence from by_amount

)

select * from pairs
