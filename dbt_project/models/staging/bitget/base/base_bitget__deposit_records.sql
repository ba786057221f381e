{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'deposit_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'tradeId', 'clientOid', 'coin', 'type', 'chain', 'dest', 'fromAddress',
            'toAddress', 'tag', 'confirm', 'status', 'size', 'cTime', 'uTime',
        ],
        numbers=['size']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('orderId') }} as order_id,
        {{ text_field('tradeId') }} as trade_id,
        {{ text_field('clientOid') }} as client_oid,

        -- what
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('type') }} as record_type,
        {{ text_field('chain') }} as chain,
        {{ text_field('dest') }} as dest,
        {{ text_field('fromAddress') }} as from_address,
        {{ text_field('toAddress') }} as to_address,
        {{ text_field('tag') }} as tag,
        {{ text_field('confirm') }} as confirm,
        {{ text_field('status') }} as status,

        -- how much, in the coin
        {{ amount(number_field('size')) }} as size,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as created_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,
        {{ unreadable_amounts(
            amounts=['size']
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
