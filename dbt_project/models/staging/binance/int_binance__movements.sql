-- The movements of the spot and the funding wallet in each list, in any state.
with fills as (

    select
        *,
        case side when 'buy' then base_asset else quote_asset end as received_asset,
        case side when 'buy' then base_quantity else quote_quantity end as received_quantity,
        case side when 'buy' then quote_asset else base_asset end as paid_asset,
        case side when 'buy' then quote_quantity else base_quantity end as paid_quantity
    from {{ ref('stg_binance__trades') }}

),

fill_legs as (

    select
        *,
        coalesce(fee_asset = received_asset, false) as is_fee_inside,
        unnest(
            case
                when fee_amount = 0 or fee_asset = received_asset then ['paid', 'received']
                else ['paid', 'received', 'fee']
            end
        ) as part
    from fills

),

of_fills as (

    select
        stream, account_id, record_id, wallet, market,
        '/' || part as leg,
        order_id as event_id,
        case part when 'fee' then 'fee' else 'trade' end as entry_type,
        side as exchange_entry_type,
        case part when 'paid' then paid_asset when 'received' then received_asset else fee_asset end as asset,
        case part
            when 'paid' then -paid_quantity
            when 'received' then received_quantity - case when is_fee_inside then fee_amount else 0 end
            else -fee_amount
        end as amount,
        case when part = 'fee' or (part = 'received' and is_fee_inside) then fee_amount else 0 end as fee_amount,
        'completed' as status,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from fill_legs

),

-- A fill that does not tell its side.
of_untold_fills as (

    select
        'trades' as stream,
        account_id, record_id,
        'spot' as wallet,
        symbol as market,
        '' as leg,
        order_id as event_id,
        'unclassified' as entry_type,
        cast(null as varchar) as asset,
        quantity as amount,
        'unclassified' as status,
        traded_at as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__trades') }}
    where is_buyer is null

),

of_deposits as (

    select
        stream, account_id, record_id, wallet,
        '' as leg,
        'deposit' as entry_type,
        'deposit' as exchange_entry_type,
        asset, amount, fee_amount,
        status, exchange_status,
        coalesce(completed_at, requested_at) as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('stg_binance__deposits') }}

),

of_withdrawals as (

    select
        stream, account_id, record_id, wallet,
        '' as leg,
        'withdrawal' as entry_type,
        'withdrawal' as exchange_entry_type,
        asset,
        -amount as amount,
        fee_amount,
        status, exchange_status,
        coalesce(completed_at, requested_at) as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('stg_binance__withdrawals') }}

),

-- A fiat order that was requested as neither.
of_untold_orders as (

    select
        'fiat_orders' as stream,
        account_id, record_id,
        'spot' as wallet,
        '' as leg,
        'unclassified' as entry_type,
        currency as asset,
        amount,
        'unclassified' as status,
        status as exchange_status,
        created_at as occurred_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__fiat_orders') }}
    where coalesce(transaction_type, '') not in ('0', '1')

),

transfer_legs as (

    select
        *,
        unnest(['out', 'in']) as part
    from {{ ref('stg_binance__transfers') }}

),

of_transfers as (

    select
        stream, account_id, record_id,
        case part when 'out' then from_wallet else to_wallet end as wallet,
        '/' || part as leg,
        'transfer' as entry_type,
        note as exchange_entry_type,
        asset,
        case part when 'out' then -amount_sent else amount_received end as amount,
        status, exchange_status,
        sent_at as occurred_at,
        origin, receipt_id, loaded_at
    from transfer_legs

),

of_dividends as (

    select
        'dividends' as stream,
        account_id, record_id,
        'spot' as wallet,
        '' as leg,
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

swap_legs as (

    select
        *,
        unnest(legs) as part
    from {{ ref('int_binance__swaps') }}

),

of_swaps as (

    select
        stream, account_id, record_id, wallet,
        leg || '/' || part as leg,
        'conversion' as entry_type,
        exchange_type as exchange_entry_type,
        case part when 'paid' then from_asset else to_asset end as asset,
        case
            when part = 'received' then to_amount
            -- The fee of a sale is charged in addition.
            when fee_asset = from_asset then -from_amount - coalesce(fee_amount, 0)
            else -from_amount
        end as amount,
        case
            when fee_asset = case part when 'paid' then from_asset else to_asset end then fee_amount
        end as fee_amount,
        status, exchange_status,
        converted_at as occurred_at,
        origin, receipt_id, loaded_at
    from swap_legs

),

united as (

    select * from of_fills
    union all by name
    select * from of_untold_fills
    union all by name
    select * from of_deposits
    union all by name
    select * from of_withdrawals
    union all by name
    select * from of_untold_orders
    union all by name
    select * from of_transfers
    union all by name
    select * from of_dividends
    union all by name
    select * from of_swaps

)

select
    concat(account_id, '/', stream, '/', record_id, leg) as ledger_entry_id,
    * exclude (leg)
from united
-- Of other wallets nothing but transfers is read.
where coalesce(wallet, 'spot') in ('spot', 'funding')
