{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'isolated_margin_fills', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'tradeId', 'orderType', 'side', 'tradeScope', 'feeDetail', 'priceAvg',
            'size', 'amount', 'cTime', 'uTime',
        ],
        numbers=[
            'priceAvg', 'size', 'amount',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the pair it was asked by: rows do not say
        asked_scope as symbol,

        -- what
        {{ fee_detail('feeCoin') }} as fee_coin,
        {{ text_field('orderId') }} as order_id,
        {{ text_field('tradeId') }} as trade_number,
        {{ text_field('orderType') }} as order_type,
        {{ text_field('side') }} as side,
        {{ text_field('tradeScope') }} as trade_scope,
        {{ text_field('feeDetail') }} as fee_detail,

        -- how much
        {{ amount(number_field('priceAvg')) }} as price,
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(fee_detail('totalFee')) }} as total_fee,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as traded_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'priceAvg', 'size', 'amount',
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
