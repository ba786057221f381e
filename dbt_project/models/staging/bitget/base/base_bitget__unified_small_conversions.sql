{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_small_conversions') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'fromCoin', 'toCoin', 'status', 'fromAmount', 'fromCoinPrice',
            'toAmount', 'toCoinPrice', 'createdTime', 'feeDetail',
        ],
        numbers=[
            'fromAmount', 'fromCoinPrice', 'toAmount', 'toCoinPrice',
        ]
    ) }}

),

-- feeDetail is an object here.
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
        upper({{ text_field('fromCoin') }}) as from_coin,
        upper({{ text_field('toCoin') }}) as to_coin,
        {{ text_field('status') }} as status,

        -- how much
        {{ amount(number_field('fromAmount')) }} as from_amount,
        {{ amount(number_field('fromCoinPrice')) }} as from_coin_price,
        {{ amount(number_field('toAmount')) }} as to_amount,
        {{ amount(number_field('toCoinPrice')) }} as to_coin_price,

        -- the fee
        {{ text_field('feeDetail') }} as fee_detail,
        upper(fee_coin_text) as fee_coin,
        {{ amount(number_field('feeDetail')) }} as fee_total,

        -- when
        {{ millis_to_utc(text_field('createdTime')) }} as created_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'fromAmount', 'fromCoinPrice', 'toAmount', 'toCoinPrice', 'feeDetail',
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
