{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bigone', 'spot_trades') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'maker_order_id', 'taker_order_id', 'asset_pair_name', 'side',
            'taker_side', 'price', 'amount', 'maker_fee', 'taker_fee', 'inserted_at',
            'created_at',
        ],
        numbers=[
            'price', 'amount', 'maker_fee', 'taker_fee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as trade_id,
        {{ text_field('maker_order_id') }} as maker_order_id,
        {{ text_field('taker_order_id') }} as taker_order_id,

        -- what
        upper({{ text_field('asset_pair_name') }}) as asset_pair_name,
        {{ text_field('side') }} as side,
        {{ text_field('taker_side') }} as taker_side,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('maker_fee')) }} as maker_fee,
        {{ amount(number_field('taker_fee')) }} as taker_fee,

        -- when
        {{ iso_to_utc(text_field('inserted_at')) }} as inserted_at,
        {{ iso_to_utc(text_field('created_at')) }} as created_at,
        {{ unreadable_amounts(
            amounts=[
                'price', 'amount', 'maker_fee', 'taker_fee',
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
