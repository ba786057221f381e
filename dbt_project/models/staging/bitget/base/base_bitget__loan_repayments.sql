{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'loan_repayments') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'loanCoin', 'pledgeCoin', 'repayAmount', 'payInterest', 'repayLoanAmount',
            'repayUnlockAmount', 'repayTime',
        ],
        numbers=[
            'repayAmount', 'payInterest', 'repayLoanAmount', 'repayUnlockAmount',
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
        upper({{ text_field('loanCoin') }}) as loan_coin,
        upper({{ text_field('pledgeCoin') }}) as pledge_coin,

        -- how much
        {{ amount(number_field('repayAmount')) }} as repay_amount,
        {{ amount(number_field('payInterest')) }} as interest,
        {{ amount(number_field('repayLoanAmount')) }} as repay_loan_amount,
        {{ amount(number_field('repayUnlockAmount')) }} as unlocked_amount,

        -- when
        {{ millis_to_utc(text_field('repayTime')) }} as repaid_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'repayAmount', 'payInterest', 'repayLoanAmount', 'repayUnlockAmount',
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
