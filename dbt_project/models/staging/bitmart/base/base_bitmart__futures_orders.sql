{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitmart', 'futures_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'order_id', 'client_order_id', 'executive_order_id', 'account', 'symbol', 'state',
            'side', 'type', 'position_mode', 'open_type', 'leverage', 'execution_price',
            'activation_price_type', 'preset_take_profit_price_type',
            'preset_stop_loss_price_type', 'price', 'trigger_price', 'size', 'deal_avg_price',
            'deal_size', 'activation_price', 'callback_rate', 'preset_take_profit_price',
            'preset_stop_loss_price', 'create_time', 'update_time',
        ],
        numbers=[
            'price', 'trigger_price', 'size', 'deal_avg_price', 'deal_size', 'activation_price',
            'callback_rate', 'preset_take_profit_price', 'preset_stop_loss_price',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('order_id') }} as order_id,
        {{ text_field('client_order_id') }} as client_order_id,
        {{ text_field('executive_order_id') }} as executive_order_id,

        -- what
        {{ text_field('account') }} as account,
        upper({{ text_field('symbol') }}) as symbol,
        {{ integer_field('state') }} as state,
        {{ integer_field('side') }} as side,
        {{ text_field('type') }} as order_type,
        {{ text_field('position_mode') }} as position_mode,
        {{ text_field('open_type') }} as open_type,
        {{ text_field('leverage') }} as leverage,
        {{ text_field('execution_price') }} as execution_price,
        {{ integer_field('activation_price_type') }} as activation_price_type,
        {{ integer_field('preset_take_profit_price_type') }} as preset_take_profit_price_type,
        {{ integer_field('preset_stop_loss_price_type') }} as preset_stop_loss_price_type,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('trigger_price')) }} as trigger_price,
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('deal_avg_price')) }} as deal_avg_price,
        {{ amount(number_field('deal_size')) }} as deal_size,
        {{ amount(number_field('activation_price')) }} as activation_price,
        {{ amount(number_field('callback_rate')) }} as callback_rate,
        {{ amount(number_field('preset_take_profit_price')) }} as preset_take_profit_price,
        {{ amount(number_field('preset_stop_loss_price')) }} as preset_stop_loss_price,

        -- when
        {{ millis_to_utc(text_field('create_time')) }} as created_at,
        {{ millis_to_utc(text_field('update_time')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'trigger_price', 'size', 'deal_avg_price', 'deal_size',
                'activation_price', 'callback_rate', 'preset_take_profit_price',
                'preset_stop_loss_price',
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
