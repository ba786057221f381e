{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'crossed_margin_repayments') }}

),

opened as (

    {{ open_records(
        fields=[
            'repayId', 'coin', 'repayType', 'repayAmount', 'repayPrincipal', 'repayInterest',
            'cTime', 'uTime',
        ],
        numbers=[
            'repayAmount', 'repayPrincipal', 'repayInterest',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('repayId') }} as repay_id,
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('repayType') }} as repay_type,

        -- how much
        {{ amount(number_field('repayAmount')) }} as repay_amount,
        {{ amount(number_field('repayPrincipal')) }} as repay_principal,
        {{ amount(number_field('repayInterest')) }} as repay_interest,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as created_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'repayAmount', 'repayPrincipal', 'repayInterest',
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
