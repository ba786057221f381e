{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmex', 'wallet_history') }}

),

opened as (

    {{ open_records(
        fields=[
            'transactID', 'account', 'orderID', 'currency', 'network', 'transactType',
            'transactStatus', 'address', 'tx', 'text', 'memo', 'amount', 'fee', 'walletBalance',
            'marginBalance', 'transactTime', 'timestamp',
        ],
        numbers=['amount', 'fee', 'walletBalance', 'marginBalance']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('transactID') }} as transact_id,
        {{ text_field('account') }} as account_number,
        {{ text_field('orderID') }} as order_id,

        -- what
        {{ text_field('currency') }} as currency,
        {{ text_field('network') }} as network,
        {{ text_field('transactType') }} as transact_type,
        {{ text_field('transactStatus') }} as transact_status,
        {{ text_field('address') }} as address,
        {{ text_field('tx') }} as tx,
        {{ text_field('text') }} as note,
        {{ text_field('memo') }} as memo,

        -- how much, in minor units of the currency
        {{ minor_units(number_field('amount')) }} as amount_minor,
        {{ minor_units(number_field('fee')) }} as fee_minor,
        {{ minor_units(number_field('walletBalance')) }} as wallet_balance_minor,
        {{ minor_units(number_field('marginBalance')) }} as margin_balance_minor,

        -- when
        {{ iso_to_utc(text_field('transactTime')) }} as transacted_at,
        {{ iso_to_utc(text_field('timestamp')) }} as processed_at,
        {{ unreadable_amounts(
            amounts=[],
            minors=['amount', 'fee', 'walletBalance', 'marginBalance']
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
