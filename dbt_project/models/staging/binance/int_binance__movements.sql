-- What moves a wallet and is not a trade, deposit, withdrawal or transfer, in any state.
with swap_legs as (

    select
        *,
        unnest(legs) as part,
        case part when 'paid' then from_asset else to_asset end as asset
    from {{ ref('int_binance__swaps') }}

),

of_swaps as (

    select
        stream, account_id, record_id, wallet,
        leg || '/' || part as leg,
        'conversion' as entry_type,
        exchange_type as exchange_entry_type,
        asset,
        case
            when part = 'received' then to_amount
            -- The fee of a sale is charged in addition.
            when fee_asset = from_asset then -from_amount - coalesce(fee_amount, 0)
            else -from_amount
        end as amount,
        case when fee_asset = asset then fee_amount end as fee_amount,
        status, exchange_status,
        converted_at as occurred_at,
        origin, receipt_id, loaded_at
    from swap_legs

),

of_dividends as (

    select
        'dividends' as stream,
        account_id, record_id,
        transaction_id as event_id,
        'reward' as entry_type,
        info as exchange_entry_type,
        asset,
        case when direction < 0 then -amount else amount end as amount,
        'completed' as status,
        paid_at as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__dividends') }}

),

-- A fill that does not tell its side.
of_untold_fills as (

    select
        'trades' as stream,
        account_id, record_id,
        symbol as market,
        order_id as event_id,
        quantity as amount,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__trades') }}
    where is_buyer is null

),

-- A fiat order that was requested as neither deposit nor withdrawal.
of_untold_orders as (

    select
        'fiat_orders' as stream,
        account_id, record_id,
        currency as asset,
        amount,
        status as exchange_status,
        created_at as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__fiat_orders') }}
    where coalesce(transaction_type, '') not in ('0', '1')

),

united as (

    select * from of_swaps
    union all by name
    select * from of_dividends
    union all by name
    select *, 'unclassified' as entry_type, 'unclassified' as status from of_untold_fills
    union all by name
    select *, 'unclassified' as entry_type, 'unclassified' as status from of_untold_orders

)

select
    * replace (coalesce(leg, '') as leg, coalesce(wallet, 'spot') as wallet),
    asset as exchange_asset
from united
