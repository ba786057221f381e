{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'isolated_margin_borrows') }}

),

opened as (

    {{ open_records(
        fields=[
            'loanId', 'symbol', 'coin', 'borrowType', 'borrowAmount', 'cTime', 'uTime',
        ],
        numbers=[
            'borrowAmount',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('loanId') }} as loan_id,
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('borrowType') }} as borrow_type,

        -- how much
        {{ amount(number_field('borrowAmount')) }} as borrow_amount,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as created_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'borrowAmount',
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
