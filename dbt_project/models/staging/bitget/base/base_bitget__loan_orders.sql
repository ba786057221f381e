with source as (

    select * from {{ raw_table('bitget', 'loan_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'loanCoin', 'pledgeCoin', 'loanAmount', 'interestAmount', 'hourInterestRate',
            'pledgeAmount', 'pledgeRate', 'supRate', 'forceRate', 'borrowTime', 'expireTime',
        ],
        numbers=[
            'loanAmount', 'interestAmount', 'hourInterestRate', 'pledgeAmount', 'pledgeRate',
            'supRate', 'forceRate',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('orderId') }} as order_id,
        upper({{ text_field('loanCoin') }}) as loan_coin,
        upper({{ text_field('pledgeCoin') }}) as pledge_coin,

        -- how much
        {{ amount(number_field('loanAmount')) }} as loan_amount,
        {{ amount(number_field('interestAmount')) }} as interest_amount,
        {{ amount(number_field('hourInterestRate')) }} as hour_rate,
        {{ amount(number_field('pledgeAmount')) }} as pledge_amount,
        {{ amount(number_field('pledgeRate')) }} as pledge_rate,
        {{ amount(number_field('supRate')) }} as margin_call_rate,
        {{ amount(number_field('forceRate')) }} as liquidation_rate,

        -- when
        {{ millis_to_utc(text_field('borrowTime')) }} as borrowed_at,
        {{ millis_to_utc(text_field('expireTime')) }} as expires_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'loanAmount', 'interestAmount', 'hourInterestRate', 'pledgeAmount', 'pledgeRate',
                'supRate', 'forceRate',
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
