with source as (

    select * from {{ raw_table('bigone', 'contract_symbols') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'baseName', 'baseCurrency', 'quoteCurrency', 'settleCurrency',
            'isInverse', 'enable', 'multiplier', 'priceStep', 'priceMin', 'priceMax',
            'initialMargin', 'maintenanceMargin', 'minRiskLimit', 'maxRiskLimit',
            'riskStep', 'riskLimit', 'pricePrecision', 'valuePrecision', 'feePrecision',
        ],
        numbers=[
            'multiplier', 'priceStep', 'priceMin', 'priceMax', 'initialMargin',
            'maintenanceMargin', 'minRiskLimit', 'maxRiskLimit', 'riskStep', 'riskLimit',
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
        {{ text_field('baseName') }} as base_name,
        upper({{ text_field('baseCurrency') }}) as base_currency,
        upper({{ text_field('quoteCurrency') }}) as quote_currency,
        upper({{ text_field('settleCurrency') }}) as settle_currency,
        {{ bool_field('isInverse') }} as is_inverse,
        {{ bool_field('enable') }} as is_enabled,

        -- how much
        {{ amount(number_field('multiplier')) }} as multiplier,
        {{ amount(number_field('priceStep')) }} as price_step,
        {{ amount(number_field('priceMin')) }} as lowest_price,
        {{ amount(number_field('priceMax')) }} as highest_price,
        {{ amount(number_field('initialMargin')) }} as initial_margin,
        {{ amount(number_field('maintenanceMargin')) }} as maintenance_margin,
        {{ amount(number_field('minRiskLimit')) }} as smallest_risk_limit,
        {{ amount(number_field('maxRiskLimit')) }} as largest_risk_limit,
        {{ amount(number_field('riskStep')) }} as risk_step,
        {{ amount(number_field('riskLimit')) }} as risk_limit,
        {{ integer_field('pricePrecision') }} as price_precision,
        {{ integer_field('valuePrecision') }} as value_precision,
        {{ integer_field('feePrecision') }} as fee_precision,
        {{ unreadable_amounts(
            amounts=[
                'multiplier', 'priceStep', 'priceMin', 'priceMax', 'initialMargin',
                'maintenanceMargin', 'minRiskLimit', 'maxRiskLimit', 'riskStep',
                'riskLimit',
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
