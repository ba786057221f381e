{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'mix_bills', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'billId', 'symbol', 'coin', 'businessType', 'amount', 'fee', 'feeByCoupon',
            'balance', 'cTime',
        ],
        numbers=[
            'amount', 'fee', 'feeByCoupon', 'balance',
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
        {{ text_field('billId') }} as bill_id,
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('businessType') }} as business_type,

        -- how much
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('fee')) }} as fee,
        {{ amount(number_field('feeByCoupon')) }} as fee_by_coupon,
        {{ amount(number_field('balance')) }} as balance,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as billed_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'amount', 'fee', 'feeByCoupon', 'balance',
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
