{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'transfer_list') }}

),

opened as (

    {{ open_records(
        fields=[
            'transfer_id', 'currency', 'type', 'state', 'amount', 'timestamp',
        ],
        numbers=[
            'amount',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('transfer_id') }} as transfer_id,

        -- what
        upper({{ text_field('currency') }}) as currency,
        {{ text_field('type') }} as direction,
        {{ text_field('state') }} as state,

        -- how much, never signed
        {{ amount(number_field('amount')) }} as amount,

        -- when
        {{ millis_to_utc(text_field('timestamp')) }} as moved_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'amount',
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
