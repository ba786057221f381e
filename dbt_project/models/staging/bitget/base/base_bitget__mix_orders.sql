{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'mix_orders', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'clientOid', 'symbol', 'marginCoin', 'status', 'side', 'posSide',
            'tradeSide', 'posMode', 'orderType', 'orderSource', 'enterPointSource', 'marginMode',
            'reduceOnly', 'force', 'size', 'baseVolume', 'quoteVolume', 'price', 'priceAvg',
            'fee', 'totalProfits', 'leverage', 'liqPrice', 'posAvg', 'presetStopSurplusPrice',
            'presetStopLossPrice', 'cTime', 'uTime',
        ],
        numbers=[
            'size', 'baseVolume', 'quoteVolume', 'price', 'priceAvg', 'fee', 'totalProfits',
            'leverage', 'liqPrice', 'posAvg', 'presetStopSurplusPrice', 'presetStopLossPrice',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the product it was asked by: rows do not say
        asked_scope as product,

        -- what
        {{ text_field('orderId') }} as order_id,
        {{ text_field('clientOid') }} as client_oid,
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('marginCoin') }}) as margin_coin,
        {{ text_field('status') }} as status,
        lower({{ text_field('side') }}) as side,
        {{ text_field('posSide') }} as pos_side,
        lower({{ text_field('tradeSide') }}) as trade_side,
        {{ text_field('posMode') }} as pos_mode,
        {{ text_field('orderType') }} as order_type,
        {{ text_field('orderSource') }} as order_source,
        {{ text_field('enterPointSource') }} as enter_point_source,
        {{ text_field('marginMode') }} as margin_mode,
        {{ text_field('reduceOnly') }} as reduce_only,
        {{ text_field('force') }} as force,

        -- how much
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('baseVolume')) }} as base_volume,
        {{ amount(number_field('quoteVolume')) }} as quote_volume,
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('priceAvg')) }} as price_avg,
        {{ amount(number_field('fee')) }} as fee,
        {{ amount(number_field('totalProfits')) }} as total_profits,
        {{ amount(number_field('leverage')) }} as leverage,
        {{ amount(number_field('liqPrice')) }} as liq_price,
        {{ amount(number_field('posAvg')) }} as pos_avg,
        {{ amount(number_field('presetStopSurplusPrice')) }} as preset_stop_surplus_price,
        {{ amount(number_field('presetStopLossPrice')) }} as preset_stop_loss_price,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as ordered_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'size', 'baseVolume', 'quoteVolume', 'price', 'priceAvg', 'fee', 'totalProfits',
                'leverage', 'liqPrice', 'posAvg', 'presetStopSurplusPrice',
                'presetStopLossPrice',
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
