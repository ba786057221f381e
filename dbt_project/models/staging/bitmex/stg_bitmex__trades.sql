with executions as (

    select * from {{ ref('int_bitmex__executions') }}

),

coins as (

    select
        major_code,
        min(exchange_asset) as minor_code
    from {{ ref('int_assets_unioned') }}
    where exchange = 'bitmex'
    group by major_code

),

untold_swaps as (

    select * from {{ ref('int_bitmex__swaps_paired') }}
    where transact_type = 'SpotTrade' and not has_execution

),

from_executions as (

    select
        -- keys
        {{ canonical_id('trade_history') }} as trade_id,
        account_id,
        'bitmex' as exchange,
        'trade_history' as stream,
        record_id,
        {{ bitmex_id('order_id') }} as order_id,

        -- what
        'main' as wallet,
        symbol as market,
        product_type,
        contract_type,
        lower(side) as side,
        base_asset,
        quote_asset,
        settle_asset,
        case
            when last_liquidity_ind like 'Added%' then true
            when last_liquidity_ind like 'Removed%' then false
        end as is_maker,
        coalesce(exec_type in ('Liquidation', 'Bankruptcy') or note like 'Liquidation%', false)
            as is_forced,
        exec_type as exchange_type,

        -- How much, never through a notional (those carry binary noise). An inverse contract is
        -- one unit of the quote and its cost is in the base coin; a linear one is so much of the
        -- base coin and its cost is in the quote coin; a quanto one stands for neither.
        case product_type
            when 'spot' then {{ from_minor_units('last_qty', 'base_scale') }}
            when 'inverse' then value_amount
            when 'linear' then cast(last_qty as decimal(19, 0)) * contract_size
        end as base_quantity,
        case product_type
            when 'spot' then value_amount
            when 'inverse' then cast(last_qty as decimal(19, 0)) * contract_size
            when 'linear' then value_amount
        end as quote_quantity,
        case when product_type != 'spot' then last_qty end as contract_quantity,
        value_amount,
        last_px as price,
        cast(null as varchar) as price_reason,
        case
            when exec_comm_minor is not null or unreadable_amounts is not null
                then {{ from_minor_units('exec_comm_minor', 'fee_scale') }}
            else 0
        end as fee_amount,
        fee_asset,

        -- when
        coalesce(executed_at, occurred_at) as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from executions

),

from_ledger as (

    select
        -- keys
        {{ canonical_id('wallet_history', 'received_record_id') }} as trade_id,
        account_id,
        'bitmex' as exchange,
        'wallet_history' as stream,
        received_record_id as record_id,
        order_id,

        -- what: XBT_USDT names the base coin first
        'main' as wallet,
        address as market,
        'spot' as product_type,
        cast(null as varchar) as contract_type,
        case when received_is_base then 'buy' when paid_is_base then 'sell' end as side,
        case when received_is_base then received_asset else paid_asset end as base_asset,
        case when received_is_base then paid_asset else received_asset end as quote_asset,
        cast(null as varchar) as settle_asset,
        cast(null as boolean) as is_maker,
        false as is_forced,
        'SpotTrade' as exchange_type,

        -- how much
        case when received_is_base then received_amount else paid_amount end as base_quantity,
        case when received_is_base then paid_amount else received_amount end as quote_quantity,
        cast(null as decimal(38, 18)) as contract_quantity,
        case when received_is_base then paid_amount else received_amount end as value_amount,
        cast(null as decimal(38, 18)) as price,
        'ledger_only' as price_reason,
        cast(0 as decimal(38, 18)) as fee_amount,
        case when received_is_base then paid_asset else received_asset end as fee_asset,

        -- when
        swapped_at as traded_at,

        -- where it came from
        origin,
        receipt_id,
        loaded_at
    from (
        select
            untold_swaps.*,
            coalesce(coins.minor_code = untold_swaps.received_exchange_asset, false)
                as received_is_base,
            coalesce(coins.minor_code = untold_swaps.paid_exchange_asset, false) as paid_is_base
        from untold_swaps
        left join coins on split_part(untold_swaps.address, '_', 1) = coins.major_code
    )

),

united as (

    select * from from_executions

    union all by name

    select * from from_ledger

)

select * from united
