{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'transfer_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'transferId', 'clientOid', 'coin', 'fromType', 'fromSymbol', 'toType', 'toSymbol',
            'status', 'size', 'ts',
        ],
        numbers=['size']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('transferId') }} as transfer_id,
        {{ text_field('clientOid') }} as client_oid,

        -- what
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('fromType') }} as from_type,
        {{ text_field('fromSymbol') }} as from_symbol,
        {{ text_field('toType') }} as to_type,
        {{ text_field('toSymbol') }} as to_symbol,
        {{ text_field('status') }} as status,

        -- how much, in the coin
        {{ amount(number_field('size')) }} as size,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as transferred_at,
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
