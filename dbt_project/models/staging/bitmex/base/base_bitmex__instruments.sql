with source as (

    select * from {{ raw_table('bitmex', 'instruments') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'rootSymbol', 'state', 'typ', 'underlying', 'underlyingSymbol',
            'quoteCurrency', 'positionCurrency', 'settlCurrency', 'reference', 'referenceSymbol',
            'isQuanto', 'isInverse', 'multiplier', 'lotSize', 'tickSize', 'maxOrderQty',
            'maxPrice', 'underlyingToPositionMultiplier', 'underlyingToSettleMultiplier',
            'quoteToSettleMultiplier', 'makerFee', 'takerFee', 'settlementFee', 'initMargin',
            'maintMargin', 'fundingRate', 'markPrice', 'settledPrice', 'listing', 'front',
            'expiry', 'settle', 'fundingInterval', 'timestamp',
        ],
        numbers=[
            'multiplier', 'lotSize', 'tickSize', 'maxOrderQty', 'maxPrice',
            'underlyingToPositionMultiplier', 'underlyingToSettleMultiplier',
            'quoteToSettleMultiplier', 'makerFee', 'takerFee', 'settlementFee', 'initMargin',
            'maintMargin', 'fundingRate', 'markPrice', 'settledPrice',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('symbol') }} as symbol,
        {{ text_field('rootSymbol') }} as root_symbol,
        {{ text_field('state') }} as state,
        {{ text_field('typ') }} as typ,
        {{ text_field('underlying') }} as underlying,
        {{ text_field('underlyingSymbol') }} as underlying_symbol,
        {{ text_field('quoteCurrency') }} as quote_currency,
        {{ text_field('positionCurrency') }} as position_currency,
        {{ text_field('settlCurrency') }} as settl_currency,
        {{ text_field('reference') }} as reference,
        {{ text_field('referenceSymbol') }} as reference_symbol,
        {{ bool_field('isQuanto') }} as is_quanto,
        {{ bool_field('isInverse') }} as is_inverse,

        -- how much
        {{ amount(number_field('multiplier')) }} as multiplier,
        {{ amount(number_field('lotSize')) }} as lot_size,
        {{ amount(number_field('tickSize')) }} as tick_size,
        {{ amount(number_field('maxOrderQty')) }} as max_order_qty,
        {{ amount(number_field('maxPrice')) }} as max_price,
        {{ amount(number_field('underlyingToPositionMultiplier')) }} as underlying_to_position_multiplier,
        {{ amount(number_field('underlyingToSettleMultiplier')) }} as underlying_to_settle_multiplier,
        {{ amount(number_field('quoteToSettleMultiplier')) }} as quote_to_settle_multiplier,
        {{ amount(number_field('makerFee')) }} as maker_fee,
        {{ amount(number_field('takerFee')) }} as taker_fee,
        {{ amount(number_field('settlementFee')) }} as settlement_fee,
        {{ amount(number_field('initMargin')) }} as init_margin,
        {{ amount(number_field('maintMargin')) }} as maint_margin,
        {{ amount(number_field('fundingRate')) }} as funding_rate,
        {{ amount(number_field('markPrice')) }} as mark_price,
        {{ amount(number_field('settledPrice')) }} as settled_price,

        -- when
        {{ iso_to_utc(text_field('listing')) }} as listed_at,
        {{ iso_to_utc(text_field('front')) }} as front_at,
        {{ iso_to_utc(text_field('expiry')) }} as expires_at,
        {{ iso_to_utc(text_field('settle')) }} as settles_at,
        {{ iso_to_utc(text_field('fundingInterval')) }} as funding_interval_at,
        {{ iso_to_utc(text_field('timestamp')) }} as changed_at,

        -- rates and prices are for reading only: the multiplier is what amounts are made of
        {{ unreadable_amounts(
            amounts=['multiplier']
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
