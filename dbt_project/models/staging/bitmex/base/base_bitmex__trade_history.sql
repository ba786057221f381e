{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmex', 'trade_history') }}

),

opened as (

    {{ open_records(
        fields=[
            'execID', 'orderID', 'clOrdID', 'clOrdLinkID', 'account', 'trdMatchID', 'symbol',
            'side', 'execType', 'lastLiquidityInd', 'feeType', 'currency', 'settlCurrency',
            'execCommCcy', 'tradePublishIndicator', 'trdType', 'pool', 'ordType', 'timeInForce',
            'execInst', 'contingencyType', 'ordStatus', 'triggered', 'workingIndicator',
            'ordRejReason', 'text', 'strategy', 'lastQty', 'lastPx', 'execCost', 'execComm',
            'brokerExecComm', 'realisedPnl', 'commission', 'brokerCommission', 'homeNotional',
            'foreignNotional', 'orderQty', 'displayQty', 'leavesQty', 'cumQty', 'price', 'stopPx',
            'avgPx', 'pegOffsetValue', 'pegPriceType', 'transactTime', 'timestamp',
        ],
        numbers=[
            'lastQty', 'lastPx', 'execCost', 'execComm', 'brokerExecComm', 'realisedPnl',
            'orderQty', 'displayQty', 'leavesQty', 'cumQty', 'price', 'stopPx', 'pegOffsetValue',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('execID') }} as exec_id,
        {{ text_field('orderID') }} as order_id,
        {{ text_field('clOrdID') }} as cl_ord_id,
        {{ text_field('clOrdLinkID') }} as cl_ord_link_id,
        {{ text_field('account') }} as account_number,
        {{ text_field('trdMatchID') }} as trd_match_id,

        -- what
        {{ text_field('symbol') }} as symbol,
        {{ text_field('side') }} as side,
        {{ text_field('execType') }} as exec_type,
        {{ text_field('lastLiquidityInd') }} as last_liquidity_ind,
        {{ text_field('feeType') }} as fee_type,
        {{ text_field('currency') }} as currency,
        {{ text_field('settlCurrency') }} as settl_currency,
        {{ text_field('execCommCcy') }} as exec_comm_ccy,
        {{ text_field('tradePublishIndicator') }} as trade_publish_indicator,
        {{ text_field('trdType') }} as trd_type,
        {{ text_field('pool') }} as pool,
        {{ text_field('ordType') }} as ord_type,
        {{ text_field('timeInForce') }} as time_in_force,
        {{ text_field('execInst') }} as exec_inst,
        {{ text_field('contingencyType') }} as contingency_type,
        {{ text_field('ordStatus') }} as ord_status,
        {{ text_field('triggered') }} as triggered,
        {{ bool_field('workingIndicator') }} as is_working,
        {{ text_field('ordRejReason') }} as ord_rej_reason,
        {{ text_field('text') }} as note,
        {{ text_field('strategy') }} as strategy,

        -- how much; cost and fee in minor units of the settlement currency
        {{ amount(number_field('lastQty')) }} as last_qty,
        {{ amount(number_field('lastPx')) }} as last_px,
        {{ minor_units(number_field('execCost')) }} as exec_cost_minor,
        {{ minor_units(number_field('execComm')) }} as exec_comm_minor,
        {{ minor_units(number_field('brokerExecComm')) }} as broker_exec_comm_minor,
        {{ minor_units(number_field('realisedPnl')) }} as realised_pnl_minor,
        {{ text_field('commission') }} as commission_text,
        {{ text_field('brokerCommission') }} as broker_commission_text,
        {{ text_field('homeNotional') }} as home_notional_text,
        {{ text_field('foreignNotional') }} as foreign_notional_text,
        {{ amount(number_field('orderQty')) }} as order_qty,
        {{ amount(number_field('displayQty')) }} as display_qty,
        {{ amount(number_field('leavesQty')) }} as leaves_qty,
        {{ amount(number_field('cumQty')) }} as cum_qty,
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('stopPx')) }} as stop_px,
        {{ text_field('avgPx') }} as avg_px_text,
        {{ amount(number_field('pegOffsetValue')) }} as peg_offset_value,
        {{ text_field('pegPriceType') }} as peg_price_type,

        -- when
        {{ iso_to_utc(text_field('transactTime')) }} as transacted_at,
        {{ iso_to_utc(text_field('timestamp')) }} as executed_at,
        {{ unreadable_amounts(
            amounts=[
                'lastQty', 'lastPx', 'orderQty', 'displayQty', 'leavesQty', 'cumQty', 'price',
                'stopPx', 'pegOffsetValue',
            ],
            minors=['execCost', 'execComm', 'brokerExecComm', 'realisedPnl']
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        asked_at,
        loaded_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
