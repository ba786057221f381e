{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'sub_account_deposits', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'tradeId', 'coin', 'status', 'dest', 'chain', 'fromAddress', 'toAddress',
            'size', 'cTime', 'uTime',
        ],
        numbers=[
            'size',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the sub-account it was asked for: rows do not say
        asked_scope as sub_uid,

        -- what
        {{ text_field('orderId') }} as order_id,
        {{ text_field('tradeId') }} as trade_id,
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('status') }} as status,
        {{ text_field('dest') }} as dest,
        {{ text_field('chain') }} as chain,
        {{ text_field('fromAddress') }} as from_address,
        {{ text_field('toAddress') }} as to_address,

        -- how much
        {{ amount(number_field('size')) }} as size,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as created_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'size',
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
