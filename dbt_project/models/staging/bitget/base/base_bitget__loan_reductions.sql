{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'loan_reductions') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'loanCoin', 'pledgeCoin', 'status', 'pledgeRate', 'pledgePrice',
            'pledgeAmount', 'reduceFee', 'residueAmount', 'runlockAmount', 'repayLoanAmount',
            'reduceTime',
        ],
        numbers=[
            'pledgeRate', 'pledgePrice', 'pledgeAmount', 'reduceFee', 'residueAmount',
            'runlockAmount', 'repayLoanAmount',
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
        {{ text_field('status') }} as status,

        -- how much
        {{ amount(number_field('pledgeRate')) }} as pledge_rate,
        {{ amount(number_field('pledgePrice')) }} as pledge_price,
        {{ amount(number_field('pledgeAmount')) }} as pledge_amount,
        {{ amount(number_field('reduceFee')) }} as reduce_fee,
        {{ amount(number_field('residueAmount')) }} as residue_amount,
        {{ amount(number_field('runlockAmount')) }} as unlocked_amount,
        {{ amount(number_field('repayLoanAmount')) }} as repay_loan_amount,

        -- when
        {{ millis_to_utc(text_field('reduceTime')) }} as reduced_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'pledgeRate', 'pledgePrice', 'pledgeAmount', 'reduceFee', 'residueAmount',
                'runlockAmount', 'repayLoanAmount',
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
