{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'margin_repayments') }}

),

opened as (

    {{ open_records(
        fields=[
            'repay_id', 'symbol', 'currency', 'repaid_amount', 'repaid_principal',
            'repaid_interest', 'repay_time',
        ],
        numbers=[
            'repaid_amount', 'repaid_principal', 'repaid_interest',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('repay_id') }} as repay_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('currency') }}) as currency,

        -- how much, in the coin
        {{ amount(number_field('repaid_amount')) }} as repaid_amount,
        {{ amount(number_field('repaid_principal')) }} as repaid_principal,
        {{ amount(number_field('repaid_interest')) }} as repaid_interest,

        -- when
        {{ bitmart_time(text_field('repay_time')) }} as repaid_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'repaid_amount', 'repaid_principal', 'repaid_interest',
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
