{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bigone', 'contract_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'userId', 'liquidateUserId', 'seqNo', 'symbol', 'side', 'type', 'status',
            'reduceOnly', 'isLiquidate', 'conditional', 'meta', 'size', 'filled', 'price',
            'avgPrice', 'notional', 'filledNotional', 'ts',
        ],
        numbers=[
            'size', 'filled', 'price', 'avgPrice', 'notional', 'filledNotional',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as order_id,
        {{ text_field('userId') }} as user_id,
        {{ text_field('liquidateUserId') }} as liquidate_user_id,
        {{ text_field('seqNo') }} as sequence_number,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('side') }} as side,
        {{ text_field('type') }} as order_type,
        {{ text_field('status') }} as status,
        {{ bool_field('reduceOnly') }} as is_reduce_only,
        {{ bool_field('isLiquidate') }} as is_liquidation,
        {{ text_field('conditional') }} as condition,
        {{ text_field('meta') }} as meta,

        -- how much
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('filled')) }} as filled,
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('avgPrice')) }} as average_price,
        {{ amount(number_field('notional')) }} as notional,
        {{ amount(number_field('filledNotional')) }} as filled_notional,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as placed_at,
        {{ unreadable_amounts(
            amounts=[
                'size', 'filled', 'price', 'avgPrice', 'notional', 'filledNotional',
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
