{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'deposit_withdraw_history') }}

),

opened as (

    {{ open_records(
        fields=[
            'deposit_id', 'withdraw_id', 'operation_type', 'currency', 'status', 'address',
            'address_memo', 'tx_id', 'arrival_amount', 'fee', 'apply_time',
        ],
        numbers=[
            'arrival_amount', 'fee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('deposit_id') }} as deposit_id,
        {{ text_field('withdraw_id') }} as withdraw_id,

        -- what
        {{ text_field('operation_type') }} as operation_type,
        upper({{ text_field('currency') }}) as currency,
        {{ text_field('status') }} as status,
        {{ text_field('address') }} as address,
        {{ text_field('address_memo') }} as address_memo,
        {{ text_field('tx_id') }} as tx_id,

        -- how much, in the coin
        {{ amount(number_field('arrival_amount')) }} as arrival_amount,
        {{ amount(number_field('fee')) }} as fee,

        -- when
        {{ millis_to_utc(text_field('apply_time')) }} as applied_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'arrival_amount', 'fee',
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
