{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'spot_fills') }}

),

opened as (

    {{ open_records(
        fields=[
            'tradeId', 'orderId', 'clientOrderId', 'symbol', 'side', 'orderMode', 'type',
            'stpMode', 'tradeRole', 'feeCoinName', 'price', 'size', 'notional', 'fee',
            'createTime', 'updateTime',
        ],
        numbers=[
            'price', 'size', 'notional', 'fee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('tradeId') }} as trade_id,
        {{ text_field('orderId') }} as order_id,
        {{ text_field('clientOrderId') }} as client_order_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('side') }} as side,
        {{ text_field('orderMode') }} as order_mode,
        {{ text_field('type') }} as order_type,
        {{ text_field('stpMode') }} as stp_mode,
        {{ text_field('tradeRole') }} as trade_role,
        upper({{ text_field('feeCoinName') }}) as fee_coin,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('notional')) }} as notional,
        {{ amount(number_field('fee')) }} as fee,

        -- when
        {{ millis_to_utc(text_field('createTime')) }} as filled_at,
        {{ millis_to_utc(text_field('updateTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'size', 'notional', 'fee',
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
