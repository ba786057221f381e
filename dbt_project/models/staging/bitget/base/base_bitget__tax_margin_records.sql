{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'tax_margin_records', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'symbol', 'marginTaxType', 'amount', 'fee', 'total', 'ts',
        ],
        numbers=[
            'amount', 'fee', 'total',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- crossed or isolated, as it was asked: rows do not say
        asked_scope as margin_type,

        -- what
        upper({{ text_field('coin') }}) as coin,
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('marginTaxType') }} as margin_tax_type,

        -- how much
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('fee')) }} as fee,
        {{ amount(number_field('total')) }} as total,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as recorded_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'amount', 'fee', 'total',
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
