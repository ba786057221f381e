{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'clientOid', 'category', 'symbol', 'orderType', 'side', 'orderStatus',
            'timeInForce', 'posSide', 'holdMode', 'delegateType', 'marginMode', 'stpMode',
            'tpTriggerBy', 'slTriggerBy', 'tpOrderType', 'slOrderType', 'reduceOnly',
            'cancelReason', 'execType', 'price', 'qty', 'amount', 'cumExecQty', 'cumExecValue',
            'avgPrice', 'takeProfit', 'stopLoss', 'tpLimitPrice', 'slLimitPrice',
            'createdTime', 'updatedTime', 'feeDetail',
        ],
        numbers=[
            'price', 'qty', 'amount', 'cumExecQty', 'cumExecValue', 'avgPrice', 'takeProfit',
            'stopLoss', 'tpLimitPrice', 'slLimitPrice',
        ]
    ) }}

),

-- feeDetail is a list here, of one fee as far as seen. Positive is charged.
with_fee as (

    select
        *,
        {{ fee_detail('feeCoin') }} as fee_coin_text,
        {{ fee_detail('fee') }} as "feeDetail_text"
    from opened

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('orderId') }} as order_id,
        {{ text_field('clientOid') }} as client_oid,
        upper({{ text_field('category') }}) as category,
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('orderType') }} as order_type,
        lower({{ text_field('side') }}) as side,
        {{ text_field('orderStatus') }} as order_status,
        {{ text_field('timeInForce') }} as time_in_force,
        {{ text_field('posSide') }} as pos_side,
        {{ text_field('holdMode') }} as hold_mode,
        {{ text_field('delegateType') }} as delegate_type,
        {{ text_field('marginMode') }} as margin_mode,
        {{ text_field('stpMode') }} as stp_mode,
        {{ text_field('tpTriggerBy') }} as tp_trigger_by,
        {{ text_field('slTriggerBy') }} as sl_trigger_by,
        {{ text_field('tpOrderType') }} as tp_order_type,
        {{ text_field('slOrderType') }} as sl_order_type,
        {{ text_field('reduceOnly') }} as reduce_only,
        {{ text_field('cancelReason') }} as cancel_reason,
        {{ text_field('execType') }} as exec_type,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('qty')) }} as qty,
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('cumExecQty')) }} as cum_exec_qty,
        {{ amount(number_field('cumExecValue')) }} as cum_exec_value,
        {{ amount(number_field('avgPrice')) }} as avg_price,
        {{ amount(number_field('takeProfit')) }} as take_profit,
        {{ amount(number_field('stopLoss')) }} as stop_loss,
        {{ amount(number_field('tpLimitPrice')) }} as tp_limit_price,
        {{ amount(number_field('slLimitPrice')) }} as sl_limit_price,

        -- the fee
        {{ text_field('feeDetail') }} as fee_detail,
        upper(fee_coin_text) as fee_coin,
        {{ amount(number_field('feeDetail')) }} as fee_total,

        -- when
        {{ millis_to_utc(text_field('createdTime')) }} as created_at,
        {{ millis_to_utc(text_field('updatedTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'qty', 'amount', 'cumExecQty', 'cumExecValue', 'avgPrice',
                'takeProfit', 'stopLoss', 'tpLimitPrice', 'slLimitPrice', 'feeDetail',
            ]
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        asked_at,
        loaded_at,
        _dlt_load_id as load_id
    from with_fee

)

select * from renamed
