with coins as (

    select
        'deposits' as stream,
        account_id, record_id,
        {{ binance_wallet() }} as wallet,
        coin as asset,
        network, address, address_tag,
        source_address as from_address,
        {{ binance_is_internal() }} as is_internal,
        case when not ({{ binance_is_internal() }}) then tx_id end as tx_hash,
        {{ binance_deposit_status() }} as status,
        status as exchange_status,
        amount,
        cast(0 as decimal(38, 18)) as fee_amount,
        inserted_at as requested_at,
        completed_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__deposits') }}

),

money as (

    select
        'fiat_orders' as stream,
        account_id, record_id,
        'spot' as wallet,
        currency as asset,
        {{ binance_fiat_status() }} as status,
        status as exchange_status,
        amount,
        {{ known_or_zero('total_fee') }} as fee_amount,
        created_at as requested_at,
        updated_at as completed_at,
        origin, receipt_id, loaded_at
    from {{ ref('base_binance__fiat_orders') }}
    where transaction_type = '0'

),

united as (

    select * from coins

    union all by name

    select * from money

)

select
    -- keys
    concat(account_id, '/', stream, '/', record_id) as deposit_id,
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
    address_tag,
    from_address,
    tx_hash,
    coalesce(is_internal, false) as is_internal,
    status,
    exchange_status,

    -- how much
    amount,
    fee_amount,
    asset as fee_asset,

    -- when
    requested_at,
    case when status in ('completed', 'failed', 'canceled') then completed_at end as completed_at,

    -- where it came from
    origin,
    receipt_id,
    loaded_at
from united
