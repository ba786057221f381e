{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'bgb_convert_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'fromCoin', 'toCoin', 'status', 'feeDetail', 'fromAmount', 'fromCoinPrice',
            'toAmount', 'toCoinPrice', 'ctime',
        ],
        numbers=[
            'fromAmount', 'fromCoinPrice', 'toAmount', 'toCoinPrice',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ fee_detail('feeCoin') }} as fee_coin,
        {{ text_field('orderId') }} as order_id,
        upper({{ text_field('fromCoin') }}) as from_coin,
        upper({{ text_field('toCoin') }}) as to_coin,
        {{ text_field('status') }} as status,
        {{ text_field('feeDetail') }} as fee_detail,

        -- how much
        {{ amount(number_field('fromAmount')) }} as from_amount,
        {{ amount(number_field('fromCoinPrice')) }} as from_coin_price,
        {{ amount(number_field('toAmount')) }} as to_amount,
        {{ amount(number_field('toCoinPrice')) }} as to_coin_price,
        {{ amount(fee_detail('fee')) }} as fee,

        -- when
        {{ millis_to_utc(text_field('ctime')) }} as converted_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'fromAmount', 'fromCoinPrice', 'toAmount', 'toCoinPrice',
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
