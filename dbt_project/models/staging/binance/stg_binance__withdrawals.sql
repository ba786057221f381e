-- The fee is charged in addition to the amount.
with coins as (

    select
        'withdrawals' as stream,
        account_id, record_id,
        {{ binance_wallet() }} as wallet,
        coin as asset,
        network, address,
        {{ binance_is_internal() }} as is_internal,
        case when not ({{ binance_is_internal() }}) then tx_id end as tx_hash,
        {{ binance_withdrawal_status() }} as status,
        status as exchange_status,
        amount as received_amount,
        {{ known_or_zero('transaction_fee') }} as fee_amount,
        applied_at as requested_at,
        completed_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__withdrawals') }}

),

money as (

    select
        'fiat_orders' as stream,
        account_id, record_id,
        'spot' as wallet,
        currency as asset,
        {{ binance_fiat_status() }} as status,
        status as exchange_status,
        amount as received_amount,
        {{ known_or_zero('total_fee') }} as fee_amount,
        created_at as requested_at,
        updated_at as completed_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__fiat_orders') }}
    where transaction_type = '1'

),

united as (

    select * from coins

    union all by name

    select * from money

)

select
    -- keys
    concat(account_id, '/', stream, '/', record_id) as withdrawal_id,
    account_id,
    'binance' as exchange,
    stream,
    record_id,

    -- what
    wallet,
    asset,
    asset as exchange_asset,
    network,
    address,
    cast(null as varchar) as address_tag,
    tx_hash,
    coalesce(is_internal, false) as is_internal,
    status,
    exchange_status,

    -- how much
    received_amount + fee_amount as amount,
    fee_amount,
    asset as fee_asset,
    received_amount,

    -- when
    requested_at,
    case when status in ('completed', 'failed', 'canceled') then completed_at end as completed_at,

    -- where it came from
    origin,
    receipt_id,
    loaded_at
from united
