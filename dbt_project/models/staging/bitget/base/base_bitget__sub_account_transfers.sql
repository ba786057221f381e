{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'sub_account_transfers', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'transferId', 'newTransferId', 'clientOid', 'coin', 'status', 'fromType', 'toType',
            'fromUserId', 'toUserId', 'size', 'ts',
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
        -- the side it was asked for
        asked_scope as role,

        -- what
        {{ text_field('transferId') }} as transfer_number,
        {{ text_field('newTransferId') }} as new_transfer_id,
        {{ text_field('clientOid') }} as client_oid,
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('status') }} as status,
        lower({{ text_field('fromType') }}) as from_type,
        lower({{ text_field('toType') }}) as to_type,
        {{ text_field('fromUserId') }} as from_user_id,
        {{ text_field('toUserId') }} as to_user_id,

        -- how much
        {{ amount(number_field('size')) }} as size,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as transferred_at,

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
