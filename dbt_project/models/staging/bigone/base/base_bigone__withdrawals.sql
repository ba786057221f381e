{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bigone', 'withdrawals') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'customer_id', 'asset_symbol', 'kind', 'target_address', 'memo', 'txid',
            'is_internal', 'state', 'note', 'amount', 'fee', 'inserted_at', 'updated_at',
            'completed_at',
        ],
        numbers=[
            'amount', 'fee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as withdrawal_id,
        {{ text_field('customer_id') }} as customer_id,

        -- what
        upper({{ text_field('asset_symbol') }}) as asset_symbol,
        {{ text_field('kind') }} as kind,
        {{ text_field('target_address') }} as target_address,
        {{ text_field('memo') }} as memo,
        {{ text_field('txid') }} as txid,
        {{ bool_field('is_internal') }} as is_internal,
        {{ text_field('state') }} as state,
        {{ text_field('note') }} as note,

        -- how much
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('fee')) }} as fee,

        -- when
        {{ iso_to_utc(text_field('inserted_at')) }} as inserted_at,
        {{ iso_to_utc(text_field('updated_at')) }} as updated_at,
        {{ iso_to_utc(text_field('completed_at')) }} as completed_at,
        {{ unreadable_amounts(
            amounts=[
                'amount', 'fee',
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
