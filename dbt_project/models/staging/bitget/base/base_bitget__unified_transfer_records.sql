{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_transfer_records') }}

),

opened as (

    {{ open_records(
        fields=[
            'transferId', 'fromType', 'toType', 'amount', 'coin', 'fromUserId', 'toUserId',
            'status', 'clientOid', 'createdTime', 'updatedTime', 'oldTransferId',
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
        {{ text_field('transferId') }} as transfer_id,
        {{ text_field('fromUserId') }} as from_user_id,
        {{ text_field('toUserId') }} as to_user_id,
        {{ text_field('clientOid') }} as client_oid,
        {{ text_field('oldTransferId') }} as old_transfer_id,

        -- what
        {{ text_field('fromType') }} as from_type,
        {{ text_field('toType') }} as to_type,
        upper({{ text_field('coin') }}) as coin,
        {{ text_field('status') }} as status,

        -- how much
        {{ amount(number_field('amount')) }} as amount,

        -- when
        {{ millis_to_utc(text_field('createdTime')) }} as created_at,
        {{ millis_to_utc(text_field('updatedTime')) }} as updated_at,
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
