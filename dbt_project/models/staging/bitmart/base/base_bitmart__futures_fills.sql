{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'futures_fills') }}

),

opened as (

    {{ open_records(
        fields=[
            'trade_id', 'order_id', 'account', 'symbol', 'side', 'exec_type', 'profit', 'price',
            'vol', 'realised_profit', 'paid_fees', 'create_time',
        ],
        numbers=[
            'price', 'vol', 'realised_profit', 'paid_fees',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('trade_id') }} as trade_id,
        {{ text_field('order_id') }} as order_id,

        -- what
        {{ text_field('account') }} as account,
        upper({{ text_field('symbol') }}) as symbol,
        {{ integer_field('side') }} as side,
        {{ text_field('exec_type') }} as exec_type,
        {{ bool_field('profit') }} as is_profit,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('vol')) }} as volume,
        {{ amount(number_field('realised_profit')) }} as realised_profit,
        {{ amount(number_field('paid_fees')) }} as paid_fees,

        -- when
        {{ millis_to_utc(text_field('create_time')) }} as filled_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'vol', 'realised_profit', 'paid_fees',
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
