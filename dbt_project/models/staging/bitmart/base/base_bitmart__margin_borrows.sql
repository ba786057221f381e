{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'margin_borrows') }}

),

opened as (

    {{ open_records(
        fields=[
            'borrow_id', 'symbol', 'currency', 'borrow_amount', 'daily_interest',
            'hourly_interest', 'interest_amount', 'create_time',
        ],
        numbers=[
            'borrow_amount', 'daily_interest', 'hourly_interest', 'interest_amount',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('borrow_id') }} as borrow_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('currency') }}) as currency,

        -- how much, in the coin
        {{ amount(number_field('borrow_amount')) }} as borrow_amount,
        {{ amount(number_field('daily_interest')) }} as daily_interest,
        {{ amount(number_field('hourly_interest')) }} as hourly_interest,
        {{ amount(number_field('interest_amount')) }} as interest_amount,

        -- when
        {{ bitmart_time(text_field('create_time')) }} as borrowed_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'borrow_amount', 'daily_interest', 'hourly_interest', 'interest_amount',
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
