-- One thing for another outside the order book: conversions, dust, coins bought and sold for money.
with conversions as (

    select
        'conversions' as stream,
        account_id, record_id,
        '' as leg,
        'spot' as wallet,
        'convert' as exchange_type,
        from_asset, from_amount, to_asset, to_amount,
        {{ binance_order_status() }} as status,
        status as exchange_status,
        converted_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__conversions') }}

),

dust_details as (

    select
        *,
        unnest(cast(details as json[])) as detail,
        generate_subscripts(cast(details as json[]), 1) as place
    from {{ ref('base_binance__dust') }}

),

dust as (

    select
        'dust' as stream,
        account_id, record_id,
        '/' || place as leg,
        'spot' as wallet,
        'dust' as exchange_type,
        upper(detail ->> 'fromAsset') as from_asset,
        {{ amount("(detail ->> 'amount')") }} as from_amount,
        upper(coalesce(detail ->> 'targetAsset', 'BNB')) as to_asset,
        {{ amount("(detail ->> 'transferedAmount')") }} as to_amount,
        {{ amount("(detail ->> 'serviceChargeAmount')") }} as fee_amount,
        upper(coalesce(detail ->> 'targetAsset', 'BNB')) as fee_asset,
        'completed' as status,
        converted_at,
        origin, receipt_id, loaded_at
    from dust_details

),

-- The money comes from a card, or goes to one: no wallet holds it.
payments as (

    select
        'fiat_payments' as stream,
        account_id, record_id,
        '' as leg,
        'spot' as wallet,
        case transaction_type when '0' then 'buy' when '1' then 'sell' end as exchange_type,
        currency as money_asset,
        source_amount - {{ known_or_zero('total_fee') }} as money_amount,
        coin, obtain_amount as coin_amount,
        total_fee as fee_amount,
        currency as fee_asset,
        {{ binance_fiat_status() }} as status,
        status as exchange_status,
        created_at as converted_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__fiat_payments') }}

),

-- The maker's commission is charged to makers, the taker's to takers.
p2p_fees as (

    select
        *,
        case
            when upper(role) = 'MAKER' then {{ known_or_zero('commission') }}
            else {{ known_or_zero('taker_commission') }}
        end as fee
    from {{ ref('base_binance__p2p_orders') }}

),

p2p as (

    select
        'p2p_orders' as stream,
        account_id, record_id,
        '' as leg,
        'funding' as wallet,
        case when lower(trade_type) in ('buy', 'sell') then lower(trade_type) end as exchange_type,
        fiat as money_asset,
        total_price as money_amount,
        asset as coin,
        case when lower(trade_type) = 'buy' then amount - fee else amount end as coin_amount,
        fee as fee_amount,
        asset as fee_asset,
        {{ binance_order_status() }} as status,
        status as exchange_status,
        created_at as converted_at,
        origin, receipt_id, loaded_at
    from p2p_fees

),

purchases as (

    select
        * exclude (money_asset, money_amount, coin, coin_amount),
        case exchange_type when 'sell' then coin else money_asset end as from_asset,
        case exchange_type when 'sell' then coin_amount else money_amount end as from_amount,
        case exchange_type when 'sell' then money_asset else coin end as to_asset,
        case exchange_type when 'sell' then money_amount else coin_amount end as to_amount
    from (
        select * from payments

        union all by name

        select * from p2p
    )

),

united as (

    select *, ['paid', 'received'] as legs from conversions

    union all by name

    select *, ['paid', 'received'] as legs from dust

    union all by name

    select *, [case exchange_type when 'sell' then 'paid' else 'received' end] as legs from purchases

)

-- `legs` are the sides that a wallet of the account holds.
select
    * replace (case when exchange_type is null then 'unclassified' else status end as status)
from united
