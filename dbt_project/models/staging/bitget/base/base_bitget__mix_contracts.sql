with source as (

    {{ rows_with_scope('bitget', 'mix_contracts') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'baseCoin', 'quoteCoin', 'supportMarginCoins', 'symbolType',
            'symbolStatus', 'deliveryPeriod', 'makerFeeRate', 'takerFeeRate', 'feeRateUpRatio',
            'openCostUpRatio', 'buyLimitPriceRatio', 'sellLimitPriceRatio', 'minTradeNum',
            'minTradeUSDT', 'sizeMultiplier', 'pricePlace', 'priceEndStep', 'volumePlace',
            'fundInterval', 'minLever', 'maxLever', 'launchTime', 'offTime', 'limitOpenTime',
            'deliveryTime', 'deliveryStartTime',
        ],
        numbers=[
            'makerFeeRate', 'takerFeeRate', 'feeRateUpRatio', 'openCostUpRatio',
            'buyLimitPriceRatio', 'sellLimitPriceRatio', 'minTradeNum', 'minTradeUSDT',
            'sizeMultiplier', 'priceEndStep', 'minLever', 'maxLever',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the product it was asked by: rows do not say
        asked_scope as product,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('baseCoin') }}) as base_coin,
        upper({{ text_field('quoteCoin') }}) as quote_coin,
        {{ text_field('supportMarginCoins') }} as support_margin_coins,
        {{ text_field('symbolType') }} as symbol_type,
        {{ text_field('symbolStatus') }} as symbol_status,
        {{ text_field('deliveryPeriod') }} as delivery_period,
        {{ integer_field('pricePlace') }} as price_place,
        {{ integer_field('volumePlace') }} as volume_place,
        {{ integer_field('fundInterval') }} as fund_interval,

        -- how much
        {{ amount(number_field('makerFeeRate')) }} as maker_fee_rate,
        {{ amount(number_field('takerFeeRate')) }} as taker_fee_rate,
        {{ amount(number_field('feeRateUpRatio')) }} as fee_rate_up_ratio,
        {{ amount(number_field('openCostUpRatio')) }} as open_cost_up_ratio,
        {{ amount(number_field('buyLimitPriceRatio')) }} as buy_limit_price_ratio,
        {{ amount(number_field('sellLimitPriceRatio')) }} as sell_limit_price_ratio,
        {{ amount(number_field('minTradeNum')) }} as min_trade_num,
        {{ amount(number_field('minTradeUSDT')) }} as min_trade_usdt,
        {{ amount(number_field('sizeMultiplier')) }} as size_multiplier,
        {{ amount(number_field('priceEndStep')) }} as price_end_step,
        {{ amount(number_field('minLever')) }} as min_lever,
        {{ amount(number_field('maxLever')) }} as max_lever,

        -- when
        {{ millis_to_utc(text_field('launchTime')) }} as launched_at,
        {{ millis_to_utc(text_field('offTime')) }} as off_at,
        {{ millis_to_utc(text_field('limitOpenTime')) }} as limit_open_at,
        {{ millis_to_utc(text_field('deliveryTime')) }} as delivers_at,
        {{ millis_to_utc(text_field('deliveryStartTime')) }} as delivery_started_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'makerFeeRate', 'takerFeeRate', 'feeRateUpRatio', 'openCostUpRatio',
                'buyLimitPriceRatio', 'sellLimitPriceRatio', 'minTradeNum', 'minTradeUSDT',
                'sizeMultiplier', 'priceEndStep', 'minLever', 'maxLever',
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
