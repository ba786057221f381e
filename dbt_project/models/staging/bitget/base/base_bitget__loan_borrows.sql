{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'loan_borrows') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'loanCoin', 'pledgeCoin', 'status', 'daily', 'initPledgeAmount',
            'initLoanAmount', 'hourRate', 'borrowTime',
        ],
        numbers=[
            'initPledgeAmount', 'initLoanAmount', 'hourRate',
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
        {{ text_field('daily') }} as term_days,

        -- how much
        {{ amount(number_field('initPledgeAmount')) }} as pledge_amount,
        {{ amount(number_field('initLoanAmount')) }} as loan_amount,
        {{ amount(number_field('hourRate')) }} as hour_rate,

        -- when
        {{ millis_to_utc(text_field('borrowTime')) }} as borrowed_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'initPledgeAmount', 'initLoanAmount', 'hourRate',
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
