{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bigone', 'convert_trades') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'quote_id', 'from_asset', 'to_asset', 'state', 'acct_typ', 'acct_type',
            'from_sz', 'to_sz', 'px', 'ts',
        ],
        numbers=[
            'from_sz', 'to_sz', 'px',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as conversion_id,
        {{ text_field('quote_id') }} as quote_id,

        -- what
        upper({{ text_field('from_asset') }}) as from_asset,
        upper({{ text_field('to_asset') }}) as to_asset,
        {{ text_field('state') }} as state,
        coalesce({{ text_field('acct_typ') }}, {{ text_field('acct_type') }}) as account_type,

        -- how much
        {{ amount(number_field('from_sz')) }} as from_size,
        {{ amount(number_field('to_sz')) }} as to_size,
        {{ amount(number_field('px')) }} as price,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as converted_at,
        {{ unreadable_amounts(
            amounts=[
                'from_sz', 'to_sz', 'px',
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
