{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'mix_interest', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'liability', 'interestFreeLimit', 'interestLimit', 'hourInterestRate',
            'interest', 'cTime',
        ],
        numbers=[
            'liability', 'interestFreeLimit', 'interestLimit', 'hourInterestRate', 'interest',
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
        upper({{ text_field('coin') }}) as coin,

        -- how much
        {{ amount(number_field('liability')) }} as liability,
        {{ amount(number_field('interestFreeLimit')) }} as interest_free_limit,
        {{ amount(number_field('interestLimit')) }} as interest_limit,
        {{ amount(number_field('hourInterestRate')) }} as hour_interest_rate,
        {{ amount(number_field('interest')) }} as interest,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as accrued_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'liability', 'interestFreeLimit', 'interestLimit', 'hourInterestRate',
                'interest',
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
