{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmex', 'settlements') }}

),

opened as (

    {{ open_records(
        fields=['symbol', 'settlementType', 'settledPrice', 'timestamp'],
        numbers=['settledPrice']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('symbol') }} as symbol,
        {{ text_field('settlementType') }} as settlement_type,

        -- how much
        {{ amount(number_field('settledPrice')) }} as settled_price,

        -- when
        {{ iso_to_utc(text_field('timestamp')) }} as settled_at,
        {{ unreadable_amounts(
            amounts=['settledPrice']
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
