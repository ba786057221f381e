-- Internal transfers have an id of the exchange in the field of the hash.
with deposits as (

    select * from {{ ref('base_bitget__deposit_records') }}
    where dest = 'internal_transfer' and trade_id is not null

),

withdrawals as (

    select * from {{ ref('base_bitget__withdrawal_records') }}
    where dest = 'internal_transfer' and trade_id is not null

),

canonical as (

    select
        {{ canonical_id('deposit_records') }} as leg_id,
        account_id,
        'bitget' as exchange,
        trade_id as internal_id
    from deposits

    union all

    select
        {{ canonical_id('withdrawal_records') }} as leg_id,
        account_id,
        'bitget' as exchange,
        trade_id as internal_id
    from withdrawals

)

select * from canonical
