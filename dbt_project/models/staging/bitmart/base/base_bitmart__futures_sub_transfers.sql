{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'futures_sub_transfers') }}

),

opened as (

    {{ open_records(
        fields=[
            'fromAccount', 'fromWalletType', 'toAccount', 'toWalletType', 'currency',
            'amount', 'submissionTime',
        ],
        numbers=[
            'amount',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- from where to where
        {{ text_field('fromAccount') }} as from_account,
        {{ text_field('fromWalletType') }} as from_wallet_type,
        {{ text_field('toAccount') }} as to_account,
        {{ text_field('toWalletType') }} as to_wallet_type,

        -- what
        upper({{ text_field('currency') }}) as currency,

        -- how much
        {{ amount(number_field('amount')) }} as amount,

        -- when: this route tells seconds
        {{ bitmart_time(text_field('submissionTime')) }} as submitted_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'amount',
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
