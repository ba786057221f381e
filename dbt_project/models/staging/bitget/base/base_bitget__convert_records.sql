{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'convert_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'fromCoin', 'toCoin', 'fromCoinSize', 'toCoinSize', 'cnvtPrice', 'fee', 'ts',
        ],
        numbers=[
            'fromCoinSize', 'toCoinSize', 'cnvtPrice', 'fee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('id') }} as convert_id,
        upper({{ text_field('fromCoin') }}) as from_coin,
        upper({{ text_field('toCoin') }}) as to_coin,

        -- how much
        {{ amount(number_field('fromCoinSize')) }} as from_coin_size,
        {{ amount(number_field('toCoinSize')) }} as to_coin_size,
        {{ amount(number_field('cnvtPrice')) }} as price,
        {{ amount(number_field('fee')) }} as fee,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as converted_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'fromCoinSize', 'toCoinSize', 'cnvtPrice', 'fee',
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
