with source as (

    select * from {{ raw_table('bigone', 'contract_accounts') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'userId', 'readableId', 'currency', 'balances', 'available', 'margin',
            'orderMargin', 'positionMargin', 'marginBalances', 'unrealizedPnl',
            'positionValue', 'marginRate', 'leverage',
        ],
        numbers=[
            'balances', 'available', 'margin', 'orderMargin', 'positionMargin',
            'marginBalances', 'unrealizedPnl', 'positionValue', 'marginRate', 'leverage',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as cash_id,
        {{ text_field('userId') }} as user_id,
        {{ text_field('readableId') }} as readable_id,

        -- what
        upper({{ text_field('currency') }}) as currency,

        -- how much
        {{ amount(number_field('balances')) }} as balance,
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('margin')) }} as margin,
        {{ amount(number_field('orderMargin')) }} as order_margin,
        {{ amount(number_field('positionMargin')) }} as position_margin,
        {{ amount(number_field('marginBalances')) }} as margin_balance,
        {{ amount(number_field('unrealizedPnl')) }} as unrealised_pnl,
        {{ amount(number_field('positionValue')) }} as position_value,
        {{ amount(number_field('marginRate')) }} as margin_rate,
        {{ amount(number_field('leverage')) }} as leverage,
        {{ unreadable_amounts(
            amounts=[
                'balances', 'available', 'margin', 'orderMargin', 'positionMargin',
                'marginBalances', 'unrealizedPnl', 'positionValue', 'marginRate',
                'leverage',
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
