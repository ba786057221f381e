{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_tax_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'type', 'amount', 'fee', 'balance', 'ts',
        ],
        numbers=[
            'amount', 'fee', 'balance',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('type') }} as record_type,

        -- how much
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('fee')) }} as fee,
        {{ amount(number_field('balance')) }} as balance,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as booked_at,
        {{ unreadable_amounts(
            amounts=[
                'amount', 'fee', 'balance',
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
