{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'spot_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'clientOrderId', 'symbol', 'side', 'orderMode', 'type', 'state',
            'cancelSource', 'stpMode', 'price', 'priceAvg', 'size', 'filledSize', 'notional',
            'filledNotional', 'createTime', 'updateTime',
        ],
        numbers=[
            'price', 'priceAvg', 'size', 'filledSize', 'notional', 'filledNotional',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('orderId') }} as order_id,
        {{ text_field('clientOrderId') }} as client_order_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('side') }} as side,
        {{ text_field('orderMode') }} as order_mode,
        {{ text_field('type') }} as order_type,
        {{ text_field('state') }} as state,
        {{ text_field('cancelSource') }} as cancel_source,
        {{ text_field('stpMode') }} as stp_mode,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('priceAvg')) }} as price_avg,
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('filledSize')) }} as filled_size,
        {{ amount(number_field('notional')) }} as notional,
        {{ amount(number_field('filledNotional')) }} as filled_notional,

        -- when
        {{ millis_to_utc(text_field('createTime')) }} as created_at,
        {{ millis_to_utc(text_field('updateTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'priceAvg', 'size', 'filledSize', 'notional', 'filledNotional',
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
