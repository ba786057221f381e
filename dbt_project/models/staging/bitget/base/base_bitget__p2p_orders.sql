{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'p2p_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'orderNo', 'advNo', 'side', 'fiat', 'coin', 'status', 'price', 'count',
            'amount', 'withdrawTime', 'representTime', 'paymentTime', 'releaseTime', 'ctime',
            'utime',
        ],
        numbers=[
            'price', 'count', 'amount',
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
        {{ text_field('orderNo') }} as order_number,
        {{ text_field('advNo') }} as advertisement_number,
        {{ text_field('side') }} as side,
        upper({{ text_field('fiat') }}) as fiat,
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('status') }} as status,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('count')) }} as coin_quantity,
        {{ amount(number_field('amount')) }} as fiat_amount,

        -- when
        {{ millis_to_utc(text_field('withdrawTime')) }} as withdrawn_at,
        {{ millis_to_utc(text_field('representTime')) }} as appealed_at,
        {{ millis_to_utc(text_field('paymentTime')) }} as paid_at,
        {{ millis_to_utc(text_field('releaseTime')) }} as released_at,
        {{ millis_to_utc(text_field('ctime')) }} as ordered_at,
        {{ millis_to_utc(text_field('utime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'count', 'amount',
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
