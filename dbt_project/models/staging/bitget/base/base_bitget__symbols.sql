with source as (

    select * from {{ raw_table('bitget', 'symbols') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'baseCoin', 'quoteCoin', 'status', 'areaSymbol', 'minTradeAmount',
            'maxTradeAmount', 'minTradeUSDT', 'takerFeeRate', 'makerFeeRate',
            'buyLimitPriceRatio', 'sellLimitPriceRatio', 'pricePrecision', 'quantityPrecision',
            'quotePrecision', 'orderQuantity', 'openTime', 'offTime',
        ],
        numbers=[
            'minTradeAmount', 'minTradeUSDT', 'takerFeeRate', 'makerFeeRate',
            'buyLimitPriceRatio', 'sellLimitPriceRatio',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('baseCoin') }}) as base_coin,
        upper({{ text_field('quoteCoin') }}) as quote_coin,
        {{ text_field('status') }} as status,
        {{ text_field('areaSymbol') }} as area_symbol,

        -- limits and rates
        {{ amount(number_field('minTradeAmount')) }} as min_trade_amount,
        {{ text_field('maxTradeAmount') }} as max_trade_amount,
        {{ amount(number_field('minTradeUSDT')) }} as min_trade_usdt,
        {{ amount(number_field('takerFeeRate')) }} as taker_fee_rate,
        {{ amount(number_field('makerFeeRate')) }} as maker_fee_rate,
        {{ amount(number_field('buyLimitPriceRatio')) }} as buy_limit_price_ratio,
        {{ amount(number_field('sellLimitPriceRatio')) }} as sell_limit_price_ratio,
        {{ integer_field('pricePrecision') }} as price_precision,
        {{ integer_field('quantityPrecision') }} as quantity_precision,
        {{ integer_field('quotePrecision') }} as quote_precision,
        {{ integer_field('orderQuantity') }} as order_quantity,

        -- when
        {{ millis_to_utc(text_field('openTime')) }} as opened_at,
        {{ millis_to_utc(text_field('offTime')) }} as closed_at,
        {{ unreadable_amounts(
            amounts=[
                'minTradeAmount', 'minTradeUSDT', 'takerFeeRate', 'makerFeeRate',
                'buyLimitPriceRatio', 'sellLimitPriceRatio',
            ]
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
