with source as (

    select * from {{ raw_table('bitmart', 'margin_accounts') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'risk_level', 'buy_enabled', 'sell_enabled', 'base', 'quote', 'risk_rate',
            'liquidate_price', 'liquidate_rate',
        ],
        numbers=[
            'risk_rate', 'liquidate_price', 'liquidate_rate',
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
        {{ text_field('risk_level') }} as risk_level,
        {{ bool_field('buy_enabled') }} as is_buy_enabled,
        {{ bool_field('sell_enabled') }} as is_sell_enabled,
        cast({{ text_field('base') }} as json) as base_side,
        cast({{ text_field('quote') }} as json) as quote_side,

        -- how much
        {{ amount(number_field('risk_rate')) }} as risk_rate,
        {{ amount(number_field('liquidate_price')) }} as liquidate_price,
        {{ amount(number_field('liquidate_rate')) }} as liquidate_rate,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'risk_rate', 'liquidate_price', 'liquidate_rate',
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
