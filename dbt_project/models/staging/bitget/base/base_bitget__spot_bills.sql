{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'spot_bills') }}

),

opened as (

    {{ open_records(
        fields=[
            'billId', 'bizOrderId', 'coin', 'groupType', 'businessType', 'size', 'balance',
            'fees', 'cTime',
        ],
        numbers=['size', 'balance', 'fees']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('billId') }} as bill_id,
        {{ text_field('bizOrderId') }} as biz_order_id,

        -- what
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('groupType') }} as group_type,
        {{ text_field('businessType') }} as business_type,

        -- how much, in the coin
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('balance')) }} as balance,
        {{ amount(number_field('fees')) }} as fees,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as billed_at,
        {{ unreadable_amounts(
            amounts=['size', 'balance', 'fees']
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
