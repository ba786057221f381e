{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'sharkfin_records', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'product', 'period', 'type', 'amount', 'ts',
        ],
        numbers=[
            'amount',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the kind it was asked by
        asked_scope as record_kind,

        -- what
        {{ text_field('orderId') }} as order_id,
        {{ text_field('product') }} as product,
        {{ text_field('period') }} as period,
        {{ text_field('type') }} as record_type,

        -- how much
        {{ amount(number_field('amount')) }} as amount,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as recorded_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'amount',
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
