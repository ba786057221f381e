{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bigone', 'deposits') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'asset_symbol', 'kind', 'target_account', 'txid', 'memo', 'confirms',
            'is_internal', 'state', 'amount', 'inserted_at', 'updated_at',
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
        {{ text_field('id') }} as deposit_id,

        -- what
        upper({{ text_field('asset_symbol') }}) as asset_symbol,
        {{ text_field('kind') }} as kind,
        {{ text_field('target_account') }} as target_account,
        {{ text_field('txid') }} as txid,
        {{ text_field('memo') }} as memo,
        {{ integer_field('confirms') }} as confirms,
        {{ bool_field('is_internal') }} as is_internal,
        {{ text_field('state') }} as state,

        -- how much
        {{ amount(number_field('amount')) }} as amount,

        -- when
        {{ iso_to_utc(text_field('inserted_at')) }} as inserted_at,
        {{ iso_to_utc(text_field('updated_at')) }} as updated_at,
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
