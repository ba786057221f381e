{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'tax_future_records', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'marginCoin', 'futureTaxType', 'amount', 'fee', 'ts',
        ],
        numbers=[
            'amount', 'fee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the product it was asked by: rows do not say
        asked_scope as product,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('marginCoin') }}) as margin_coin,
        {{ text_field('futureTaxType') }} as future_tax_type,

        -- how much
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('fee')) }} as fee,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as recorded_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'amount', 'fee',
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
