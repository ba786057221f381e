with source as (

    select * from {{ raw_table('bitget', 'savings_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'productId', 'orderId', 'productCoin', 'interestCoin', 'periodType', 'period', 'status',
            'productLevel', 'holdDays', 'apy', 'holdAmount', 'lastProfit', 'totalProfit',
        ],
        numbers=[
            'holdAmount', 'lastProfit', 'totalProfit',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('productId') }} as product_id,
        {{ text_field('orderId') }} as order_id,
        upper({{ text_field('productCoin') }}) as coin,
        upper({{ text_field('interestCoin') }}) as interest_coin,
        {{ text_field('periodType') }} as period_type,
        {{ text_field('period') }} as period,
        {{ text_field('status') }} as status,
        {{ text_field('productLevel') }} as product_level,
        {{ text_field('holdDays') }} as hold_days,
        {{ text_field('apy') }} as apy,

        -- how much
        {{ amount(number_field('holdAmount')) }} as hold_amount,
        {{ amount(number_field('lastProfit')) }} as last_profit,
        {{ amount(number_field('totalProfit')) }} as total_profit,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'holdAmount', 'lastProfit', 'totalProfit',
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
