{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'spot_fills') }}

),

opened as (

    {{ open_records(
        fields=[
            'tradeId', 'orderId', 'userId', 'symbol', 'orderType', 'side', 'tradeScope',
            'priceAvg', 'size', 'amount', 'feeDetail', 'cTime', 'uTime',
        ],
        numbers=['priceAvg', 'size', 'amount']
    ) }}

),

-- feeDetail is an object here, in other answers a list or a string, and '' when there was no fee.
with_fee as (

    select
        *,
        {{ fee_detail('feeCoin') }} as fee_coin_text,
        {{ fee_detail('deduction') }} as deduction_text,
        coalesce({{ fee_detail('totalFee') }}, {{ fee_detail('totalDeductionFee') }})
            as "feeDetail_text"
    from opened

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('tradeId') }} as trade_id,
        {{ text_field('orderId') }} as order_id,
        {{ text_field('userId') }} as user_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('orderType') }} as order_type,
        {{ text_field('side') }} as side,
        {{ text_field('tradeScope') }} as trade_scope,

        -- how much
        {{ amount(number_field('priceAvg')) }} as price_avg,
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('amount')) }} as amount,

        -- the fee
        {{ text_field('feeDetail') }} as fee_detail,
        upper(fee_coin_text) as fee_coin,
        {{ amount(number_field('feeDetail')) }} as fee_total,
        lower(deduction_text) = 'yes' as is_fee_deducted,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as filled_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,
        {{ unreadable_amounts(
            amounts=['priceAvg', 'size', 'amount', 'feeDetail']
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
