{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'crossed_margin_interest') }}

),

opened as (

    {{ open_records(
        fields=[
            'interestId', 'interestCoin', 'loanCoin', 'interstType', 'dailyInterestRate',
            'interestAmount', 'cTime', 'uTime',
        ],
        numbers=[
            'dailyInterestRate', 'interestAmount',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('interestId') }} as interest_id,
        upper({{ text_field('interestCoin') }}) as coin,
        upper({{ text_field('loanCoin') }}) as loan_coin,
        {{ text_field('interstType') }} as interest_type,

        -- how much
        {{ amount(number_field('dailyInterestRate')) }} as daily_interest_rate,
        {{ amount(number_field('interestAmount')) }} as interest_amount,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as created_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'dailyInterestRate', 'interestAmount',
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
