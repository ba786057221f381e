with source as (

    select * from {{ raw_table('bitmart', 'spot_symbols') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'symbol_id', 'base_currency', 'quote_currency', 'expiration',
            'trade_status', 'quote_increment', 'base_min_size', 'base_max_size',
            'min_buy_amount', 'min_sell_amount', 'price_min_precision', 'price_max_precision',
        ],
        numbers=[
            'quote_increment', 'base_min_size', 'min_buy_amount', 'min_sell_amount',
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
        {{ integer_field('symbol_id') }} as symbol_id,
        upper({{ text_field('base_currency') }}) as base_currency,
        upper({{ text_field('quote_currency') }}) as quote_currency,
        {{ text_field('expiration') }} as expiration,
        {{ text_field('trade_status') }} as trade_status,

        -- limits
        {{ amount(number_field('quote_increment')) }} as quote_increment,
        {{ amount(number_field('base_min_size')) }} as base_min_size,
        {{ text_field('base_max_size') }} as base_max_size,
        {{ amount(number_field('min_buy_amount')) }} as min_buy_amount,
        {{ amount(number_field('min_sell_amount')) }} as min_sell_amount,
        {{ integer_field('price_min_precision') }} as price_min_precision,
        {{ integer_field('price_max_precision') }} as price_max_precision,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'quote_increment', 'base_min_size', 'min_buy_amount', 'min_sell_amount',
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
