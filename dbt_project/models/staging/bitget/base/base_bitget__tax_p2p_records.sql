{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'tax_p2p_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'p2pTaxType', 'balance', 'total', 'ts',
        ],
        numbers=[
            'balance', 'total',
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
        {{ text_field('p2pTaxType') }} as p2p_tax_type,

        -- how much
        {{ amount(number_field('balance')) }} as quantity,
        {{ amount(number_field('total')) }} as total,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as recorded_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'balance', 'total',
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
