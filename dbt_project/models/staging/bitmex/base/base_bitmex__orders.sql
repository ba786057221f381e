{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmex', 'orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderID', 'clOrdID', 'clOrdLinkID', 'account', 'symbol', 'side', 'currency',
            'settlCurrency', 'ordType', 'timeInForce', 'execInst', 'contingencyType', 'ordStatus',
            'triggered', 'workingIndicator', 'ordRejReason', 'text', 'strategy', 'orderQty',
            'displayQty', 'leavesQty', 'cumQty', 'price', 'stopPx', 'avgPx', 'pegOffsetValue',
            'pegPriceType', 'transactTime', 'timestamp',
        ],
        numbers=[
            'orderQty', 'displayQty', 'leavesQty', 'cumQty', 'price', 'stopPx', 'pegOffsetValue',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('orderID') }} as order_id,
        {{ text_field('clOrdID') }} as cl_ord_id,
        {{ text_field('clOrdLinkID') }} as cl_ord_link_id,
        {{ text_field('account') }} as account_number,

        -- what
        {{ text_field('symbol') }} as symbol,
        {{ text_field('side') }} as side,
        {{ text_field('currency') }} as currency,
        {{ text_field('settlCurrency') }} as settl_currency,
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

        -- how much
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
        {{ iso_to_utc(text_field('transactTime')) }} as submitted_at,
        {{ iso_to_utc(text_field('timestamp')) }} as changed_at,
        {{ unreadable_amounts(
            amounts=[
                'orderQty', 'displayQty', 'leavesQty', 'cumQty', 'price', 'stopPx',
                'pegOffsetValue',
            ]
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
