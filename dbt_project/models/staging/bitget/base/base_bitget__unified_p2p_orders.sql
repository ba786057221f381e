{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_p2p_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'side', 'token', 'fiat', 'counterparty', 'status', 'price', 'amount',
            'quantity', 'fee', 'createdTime', 'updatedTime',
        ],
        numbers=[
            'price', 'amount', 'quantity', 'fee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('orderId') }} as order_id,
        lower({{ text_field('side') }}) as side,
        upper({{ text_field('token') }}) as token,
        upper({{ text_field('fiat') }}) as fiat,
        {{ text_field('counterparty') }} as counterparty,
        {{ text_field('status') }} as status,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('quantity')) }} as quantity,
        {{ amount(number_field('fee')) }} as fee,

        -- when
        {{ millis_to_utc(text_field('createdTime')) }} as created_at,
        {{ millis_to_utc(text_field('updatedTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'amount', 'quantity', 'fee',
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
