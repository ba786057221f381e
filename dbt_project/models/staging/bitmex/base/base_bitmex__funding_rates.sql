{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmex', 'funding_rates') }}

),

opened as (

    {{ open_records(
        fields=['symbol', 'fundingRate', 'fundingRateDaily', 'timestamp', 'fundingInterval'],
        numbers=['fundingRate']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('symbol') }} as symbol,

        -- how much
        {{ amount(number_field('fundingRate')) }} as funding_rate,
        {{ text_field('fundingRateDaily') }} as funding_rate_daily_text,

        -- when
        {{ iso_to_utc(text_field('timestamp')) }} as funded_at,
        {{ iso_to_utc(text_field('fundingInterval')) }} as funding_interval_at,
        {{ unreadable_amounts(
            amounts=['fundingRate']
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
