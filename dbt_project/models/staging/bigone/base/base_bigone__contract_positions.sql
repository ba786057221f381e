with source as (

    select * from {{ raw_table('bigone', 'contract_positions') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'userId', 'symbol', 'currency', 'isCross', 'size', 'entryPrice',
            'markPrice', 'liquidatePrice', 'leverage', 'margin', 'orderMargin', 'notional',
            'value', 'realisedPnl', 'unrealizedPnl', 'totalPnl', 'riskLimit',
            'feeRateMaker', 'feeRateTaker', 'buyingSize', 'sellingSize',
        ],
        numbers=[
            'size', 'entryPrice', 'markPrice', 'liquidatePrice', 'leverage', 'margin',
            'orderMargin', 'notional', 'value', 'realisedPnl', 'unrealizedPnl', 'totalPnl',
            'riskLimit', 'feeRateMaker', 'feeRateTaker', 'buyingSize', 'sellingSize',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as position_id,
        {{ text_field('userId') }} as user_id,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('currency') }}) as currency,
        {{ bool_field('isCross') }} as is_cross,

        -- how much
        {{ amount(number_field('size')) }} as size,
        {{ amount(number_field('entryPrice')) }} as entry_price,
        {{ amount(number_field('markPrice')) }} as mark_price,
        {{ amount(number_field('liquidatePrice')) }} as liquidation_price,
        {{ amount(number_field('leverage')) }} as leverage,
        {{ amount(number_field('margin')) }} as margin,
        {{ amount(number_field('orderMargin')) }} as order_margin,
        {{ amount(number_field('notional')) }} as notional,
        {{ amount(number_field('value')) }} as position_value,
        {{ amount(number_field('realisedPnl')) }} as realised_pnl,
        {{ amount(number_field('unrealizedPnl')) }} as unrealised_pnl,
        {{ amount(number_field('totalPnl')) }} as total_pnl,
        {{ amount(number_field('riskLimit')) }} as risk_limit,
        {{ amount(number_field('feeRateMaker')) }} as maker_fee_rate,
        {{ amount(number_field('feeRateTaker')) }} as taker_fee_rate,
        {{ amount(number_field('buyingSize')) }} as buying_size,
        {{ amount(number_field('sellingSize')) }} as selling_size,
        {{ unreadable_amounts(
            amounts=[
                'size', 'entryPrice', 'markPrice', 'liquidatePrice', 'leverage', 'margin',
                'orderMargin', 'notional', 'value', 'realisedPnl', 'unrealizedPnl',
                'totalPnl', 'riskLimit', 'feeRateMaker', 'feeRateTaker', 'buyingSize',
                'sellingSize',
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
