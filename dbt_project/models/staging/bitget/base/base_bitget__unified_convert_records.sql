{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_convert_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'fromCoin', 'fromCoinSize', 'toCoin', 'toCoinSize', 'price', 'ts',
        ],
        numbers=[
            'fromCoinSize', 'toCoinSize', 'price',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('fromCoin') }}) as from_coin,
        upper({{ text_field('toCoin') }}) as to_coin,

        -- how much
        {{ amount(number_field('fromCoinSize')) }} as from_coin_size,
        {{ amount(number_field('toCoinSize')) }} as to_coin_size,
        {{ amount(number_field('price')) }} as price,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as booked_at,
        {{ unreadable_amounts(
            amounts=[
                'fromCoinSize', 'toCoinSize', 'price',
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
