{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'futures_ledger') }}

),

opened as (

    {{ open_records(
        fields=[
            'account', 'type', 'flow_type', 'symbol', 'asset', 'tran_id', 'amount', 'time',
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

        -- what
        {{ text_field('account') }} as account,
        {{ text_field('type') }} as flow_name,
        {{ integer_field('flow_type') }} as flow_type,
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('asset') }}) as asset,
        {{ text_field('tran_id') }} as tran_id,

        -- how much, in the coin
        {{ amount(number_field('amount')) }} as amount,

        -- when
        {{ millis_to_utc(text_field('time')) }} as moved_at,

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
