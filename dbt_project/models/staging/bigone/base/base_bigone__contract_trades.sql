{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with answers as (

    {{ newest_versions('bigone', 'contract_trades') }}

),

-- The order inside a row has a size and a price of its own, which are not the row's.
source as (

    select
        * replace (
            cast(
                regexp_replace(cast(record as varchar), '"order"\s*:\s*\{[^{}]*\}', '"order":null')
                as json
            ) as record
        ),
        nullif(
            regexp_extract(cast(record as varchar), '"order"\s*:\s*(\{[^{}]*\})', 1), ''
        ) as order_detail
    from answers

),

opened as (

    {{ open_records(
        fields=[
            'id', 'orderId', 'symbol', 'currency', 'side', 'order', 'size', 'price',
            'notional', 'fee', 'feeRate', 'pnl', 'ts',
        ],
        numbers=[
            'size', 'price', 'notional', 'fee', 'feeRate', 'pnl',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as trade_id,
        {{ text_field('orderId') }} as order_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('currency') }}) as currency,
        {{ text_field('side') }} as side,
        order_detail,

        -- how much
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('notional')) }} as notional,
        {{ amount(number_field('fee')) }} as fee,
        {{ amount(number_field('feeRate')) }} as fee_rate,
        {{ amount(number_field('pnl')) }} as pnl,

        -- when
        {{ millis_to_utc(text_field('ts')) }} as traded_at,
        {{ unreadable_amounts(
            amounts=[
                'size', 'price', 'notional', 'fee', 'feeRate', 'pnl',
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
