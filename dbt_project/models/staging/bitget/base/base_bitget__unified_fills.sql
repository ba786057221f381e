{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_fills') }}

),

opened as (

    {{ open_records(
        fields=[
            'execId', 'execLinkId', 'orderId', 'clientOid', 'category', 'symbol', 'orderType',
            'side', 'posSide', 'execPrice', 'execQty', 'execValue', 'tradeScope', 'tradeSide',
            'feeDetail', 'createdTime', 'updatedTime', 'execPnl', 'isRPI',
        ],
        numbers=[
            'execPrice', 'execQty', 'execValue', 'execPnl',
        ]
    ) }}

),

-- feeDetail is a list here, of one fee as far as seen. Positive is charged, the reverse of v2.
with_fee as (

    select
        *,
        {{ fee_detail('feeCoin') }} as fee_coin_text,
        {{ fee_detail('fee') }} as "feeDetail_text"
    from opened

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('execId') }} as exec_id,
        {{ text_field('execLinkId') }} as exec_link_id,
        {{ text_field('orderId') }} as order_id,
        {{ text_field('clientOid') }} as client_oid,

        -- what
        upper({{ text_field('category') }}) as category,
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('orderType') }} as order_type,
        {{ text_field('side') }} as side,
        {{ text_field('posSide') }} as pos_side,
        {{ text_field('tradeScope') }} as trade_scope,
        {{ text_field('tradeSide') }} as trade_side,
        {{ text_field('isRPI') }} as is_rpi,

        -- how much
        {{ amount(number_field('execPrice')) }} as exec_price,
        {{ amount(number_field('execQty')) }} as exec_qty,
        {{ amount(number_field('execValue')) }} as exec_value,
        {{ amount(number_field('execPnl')) }} as exec_pnl,

        -- the fee
        {{ text_field('feeDetail') }} as fee_detail,
        upper(fee_coin_text) as fee_coin,
        {{ amount(number_field('feeDetail')) }} as fee_total,

        -- when
        {{ millis_to_utc(text_field('createdTime')) }} as created_at,
        {{ millis_to_utc(text_field('updatedTime')) }} as updated_at,
        {{ unreadable_amounts(
            amounts=[
                'execPrice', 'execQty', 'execValue', 'execPnl', 'feeDetail',
            ]
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        asked_at,
        loaded_at,
        _dlt_load_id as load_id
    from with_fee

)

select * from renamed
