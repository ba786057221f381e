{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'mix_fills', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'tradeId', 'orderId', 'symbol', 'marginCoin', 'side', 'tradeSide', 'posMode',
            'tradeScope', 'enterPointSource', 'feeDetail', 'price', 'baseVolume', 'quoteVolume',
            'profit', 'cTime',
        ],
        numbers=[
            'price', 'baseVolume', 'quoteVolume', 'profit',
        ]
    ) }}

),

-- feeDetail is a list of one here and an object in other answers.
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
        -- the product it was asked by: rows do not say
        asked_scope as product,

        -- what
        {{ text_field('tradeId') }} as trade_id,
        {{ text_field('orderId') }} as order_id,
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('marginCoin') }}) as margin_coin,
        lower({{ text_field('side') }}) as side,
        lower({{ text_field('tradeSide') }}) as trade_side,
        {{ text_field('posMode') }} as pos_mode,
        lower({{ text_field('tradeScope') }}) as trade_scope,
        {{ text_field('enterPointSource') }} as enter_point_source,
        {{ text_field('feeDetail') }} as fee_detail,

        -- how much
        {{ amount(number_field('price')) }} as price,
        {{ amount(number_field('baseVolume')) }} as base_volume,
        {{ amount(number_field('quoteVolume')) }} as quote_volume,
        {{ amount(number_field('profit')) }} as profit,

        -- the fee
        upper(fee_coin_text) as fee_coin,
        {{ amount(number_field('feeDetail')) }} as fee_total,
        lower(deduction_text) = 'yes' as is_fee_deducted,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as filled_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'price', 'baseVolume', 'quoteVolume', 'profit', 'feeDetail',
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
