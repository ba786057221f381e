{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_funding_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'groupType', 'type', 'amount', 'balance', 'ts',
        ],
        numbers=[
            'amount', 'balance',
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
        {{ text_field('groupType') }} as group_type,
        {{ text_field('type') }} as record_type,

        -- how much
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('balance')) }} as balance,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as booked_at,
        {{ unreadable_amounts(
            amounts=[
                'amount', 'balance',
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
