{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'spot_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'clientOid', 'userId', 'symbol', 'orderType', 'side', 'status',
            'orderSource', 'enterPointSource', 'tpslType', 'cancelReason', 'feeDetail', 'price',
            'size', 'priceAvg', 'baseVolume', 'quoteVolume', 'triggerPrice', 'cTime', 'uTime',
        ],
        numbers=[
            'price', 'size', 'priceAvg', 'baseVolume', 'quoteVolume', 'triggerPrice',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('orderId') }} as order_id,
        {{ text_field('clientOid') }} as client_oid,
        {{ text_field('userId') }} as user_id,
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('orderType') }} as order_type,
        lower({{ text_field('side') }}) as side,
        {{ text_field('status') }} as status,
        {{ text_field('orderSource') }} as order_source,
        {{ text_field('enterPointSource') }} as enter_point_source,
        {{ text_field('tpslType') }} as tpsl_type,
        {{ text_field('cancelReason') }} as cancel_reason,
        {{ text_field('feeDetail') }} as fee_detail,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('priceAvg')) }} as price_avg,
        {{ amount(number_field('baseVolume')) }} as base_volume,
        {{ amount(number_field('quoteVolume')) }} as quote_volume,
        {{ amount(number_field('triggerPrice')) }} as trigger_price,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as ordered_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'size', 'priceAvg', 'baseVolume', 'quoteVolume', 'triggerPrice',
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
