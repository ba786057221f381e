-- Conversions from their two lists.
with converted as (

    select * from {{ ref('base_bitget__convert_records') }}

),

converted_into_bgb as (

    select * from {{ ref('base_bitget__bgb_convert_records') }}

),

united as (

    select
        account_id,
        'convert_records' as stream,
        record_id,
        from_coin,
        from_coin_size as from_amount,
        to_coin,
        to_coin_size as to_amount,
        price,
        -- Bitget does not say in which coin.
        cast(null as varchar) as fee_coin,
        fee,
        coalesce(converted_at, occurred_at) as converted_at,
        origin,
        receipt_id,
        loaded_at
    from converted

    union all

    select
        account_id,
        'bgb_convert_records' as stream,
        record_id,
        from_coin,
        from_amount,
        to_coin,
        to_amount,
        -- The row has two prices in dollars, and the fee is in neither.
        cast(null as decimal(38, 18)) as price,
        fee_coin,
        fee,
        coalesce(converted_at, occurred_at) as converted_at,
        origin,
        receipt_id,
        loaded_at
    from converted_into_bgb
    where coalesce(lower(status), 'success') = 'success'

)

select * from united
