{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_deposit_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'recordId', 'coin', 'type', 'dest', 'size', 'status', 'fromAddress',
            'toAddress', 'chain', 'createdTime', 'updatedTime', 'clientOid',
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
        {{ text_field('orderId') }} as order_id,
        {{ text_field('recordId') }} as tx_or_order_id,
        {{ text_field('clientOid') }} as client_oid,

        -- what
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('type') }} as record_type,
        {{ text_field('dest') }} as dest,
        {{ text_field('status') }} as status,
        {{ text_field('fromAddress') }} as from_address,
        {{ text_field('toAddress') }} as to_address,
        {{ text_field('chain') }} as chain,

        -- how much
        {{ amount(number_field('size')) }} as size,

        -- when
        {{ millis_to_utc(text_field('createdTime')) }} as created_at,
        {{ millis_to_utc(text_field('updatedTime')) }} as updated_at,
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
