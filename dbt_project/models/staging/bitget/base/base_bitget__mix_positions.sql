with source as (

    {{ rows_with_scope('bitget', 'mix_positions') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'marginCoin', 'holdSide', 'marginMode', 'posMode', 'assetMode',
            'autoMargin', 'total', 'available', 'locked', 'openDelegateSize', 'marginSize',
            'leverage', 'openPriceAvg', 'markPrice', 'breakEvenPrice', 'liquidationPrice',
            'achievedProfits', 'unrealizedPL', 'keepMarginRate', 'marginRatio', 'totalFee',
            'deductedFee', 'cTime', 'uTime',
        ],
        numbers=[
            'total', 'available', 'locked', 'openDelegateSize', 'marginSize', 'leverage',
            'openPriceAvg', 'markPrice', 'breakEvenPrice', 'liquidationPrice', 'achievedProfits',
            'unrealizedPL', 'keepMarginRate', 'marginRatio', 'totalFee', 'deductedFee',
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
        upper({{ text_field('marginCoin') }}) as margin_coin,
        {{ text_field('holdSide') }} as hold_side,
        {{ text_field('marginMode') }} as margin_mode,
        {{ text_field('posMode') }} as pos_mode,
        {{ text_field('assetMode') }} as asset_mode,
        {{ text_field('autoMargin') }} as auto_margin,

        -- how much
        {{ amount(number_field('total')) }} as total,
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('locked')) }} as locked,
        {{ amount(number_field('openDelegateSize')) }} as open_delegate_size,
        {{ amount(number_field('marginSize')) }} as margin_size,
        {{ amount(number_field('leverage')) }} as leverage,
        {{ amount(number_field('openPriceAvg')) }} as open_price_avg,
        {{ amount(number_field('markPrice')) }} as mark_price,
        {{ amount(number_field('breakEvenPrice')) }} as break_even_price,
        {{ amount(number_field('liquidationPrice')) }} as liquidation_price,
        {{ amount(number_field('achievedProfits')) }} as achieved_profits,
        {{ amount(number_field('unrealizedPL')) }} as unrealized_pl,
        {{ amount(number_field('keepMarginRate')) }} as keep_margin_rate,
        {{ amount(number_field('marginRatio')) }} as margin_ratio,
        {{ amount(number_field('totalFee')) }} as total_fee,
        {{ amount(number_field('deductedFee')) }} as deducted_fee,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as opened_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'total', 'available', 'locked', 'openDelegateSize', 'marginSize', 'leverage',
                'openPriceAvg', 'markPrice', 'breakEvenPrice', 'liquidationPrice',
                'achievedProfits', 'unrealizedPL', 'keepMarginRate', 'marginRatio', 'totalFee',
                'deductedFee',
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
