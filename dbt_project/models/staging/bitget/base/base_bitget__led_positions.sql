{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'led_positions', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'trackingNo', 'openOrderId', 'closeOrderId', 'productType', 'symbol', 'posSide',
            'stopType', 'openLeverage', 'openPriceAvg', 'openSize', 'closePriceAvg', 'closeSize',
            'openFee', 'closeFee', 'achievedPL', 'openTime', 'closeTime', 'cTime',
        ],
        numbers=[
            'openLeverage', 'openPriceAvg', 'openSize', 'closePriceAvg', 'closeSize', 'openFee',
            'closeFee', 'achievedPL',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the product it was asked by
        asked_scope as product,

        -- what
        {{ text_field('trackingNo') }} as tracking_number,
        {{ text_field('openOrderId') }} as open_order_id,
        {{ text_field('closeOrderId') }} as close_order_id,
        {{ text_field('productType') }} as product_type,
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('posSide') }} as position_side,
        {{ text_field('stopType') }} as stop_type,

        -- how much
        {{ amount(number_field('openLeverage')) }} as leverage,
        {{ amount(number_field('openPriceAvg')) }} as open_price,
        {{ amount(number_field('openSize')) }} as open_size,
        {{ amount(number_field('closePriceAvg')) }} as close_price,
        {{ amount(number_field('closeSize')) }} as close_size,
        {{ amount(number_field('openFee')) }} as open_fee,
        {{ amount(number_field('closeFee')) }} as close_fee,
        {{ amount(number_field('achievedPL')) }} as realised_pnl,

        -- when
        {{ millis_to_utc(text_field('openTime')) }} as opened_at,
        {{ millis_to_utc(text_field('closeTime')) }} as closed_at,
        {{ millis_to_utc(text_field('cTime')) }} as created_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'openLeverage', 'openPriceAvg', 'openSize', 'closePriceAvg', 'closeSize', 'openFee',
                'closeFee', 'achievedPL',
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
