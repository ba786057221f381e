{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bigone', 'spot_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'client_order_id', 'asset_pair_name', 'side', 'type', 'state',
            'operator', 'immediate_or_cancel', 'post_only', 'price', 'stop_price',
            'amount', 'filled_amount', 'avg_deal_price', 'created_at', 'updated_at',
        ],
        numbers=[
            'price', 'stop_price', 'amount', 'filled_amount', 'avg_deal_price',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as order_id,
        {{ text_field('client_order_id') }} as client_order_id,

        -- what
        upper({{ text_field('asset_pair_name') }}) as asset_pair_name,
        {{ text_field('side') }} as side,
        {{ text_field('type') }} as order_type,
        {{ text_field('state') }} as state,
        {{ text_field('operator') }} as stop_operator,
        {{ bool_field('immediate_or_cancel') }} as is_immediate_or_cancel,
        {{ bool_field('post_only') }} as is_post_only,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('stop_price')) }} as stop_price,
        {{ amount(number_field('amount')) }} as amount,
        {{ amount(number_field('filled_amount')) }} as filled_amount,
        {{ amount(number_field('avg_deal_price')) }} as avg_deal_price,

        -- when
        {{ iso_to_utc(text_field('created_at')) }} as created_at,
        {{ iso_to_utc(text_field('updated_at')) }} as updated_at,
        {{ unreadable_amounts(
            amounts=[
                'price', 'stop_price', 'amount', 'filled_amount', 'avg_deal_price',
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
