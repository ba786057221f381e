with source as (

    select * from {{ raw_table('bitmart', 'contracts') }}

),

opened as (

    {{ open_records(
        fields=[
            'symbol', 'product_type', 'base_currency', 'quote_currency', 'index_name', 'status',
            'contract_size', 'min_leverage', 'max_leverage', 'price_precision', 'vol_precision',
            'max_volume', 'market_max_volume', 'min_volume', 'funding_interval_hours',
            'open_timestamp', 'expire_timestamp', 'settle_timestamp', 'delist_time',
        ],
        numbers=[
            'contract_size', 'min_leverage', 'max_leverage', 'price_precision', 'vol_precision',
            'max_volume', 'market_max_volume', 'min_volume',
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
        {{ integer_field('product_type') }} as product_type,
        upper({{ text_field('base_currency') }}) as base_currency,
        upper({{ text_field('quote_currency') }}) as quote_currency,
        {{ text_field('index_name') }} as index_name,
        {{ text_field('status') }} as status,

        -- how much
        {{ amount(number_field('contract_size')) }} as contract_size,
        {{ amount(number_field('min_leverage')) }} as min_leverage,
        {{ amount(number_field('max_leverage')) }} as max_leverage,
        {{ amount(number_field('price_precision')) }} as price_precision,
        {{ amount(number_field('vol_precision')) }} as vol_precision,
        {{ amount(number_field('max_volume')) }} as max_volume,
        {{ amount(number_field('market_max_volume')) }} as market_max_volume,
        {{ amount(number_field('min_volume')) }} as min_volume,
        {{ integer_field('funding_interval_hours') }} as funding_interval_hours,

        -- when
        {{ millis_to_utc(text_field('open_timestamp')) }} as opened_at,
        {{ millis_to_utc(text_field('expire_timestamp')) }} as expires_at,
        {{ millis_to_utc(text_field('settle_timestamp')) }} as settles_at,
        {{ bitmart_time(text_field('delist_time')) }} as delisted_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'contract_size', 'min_leverage', 'max_leverage', 'price_precision',
                'vol_precision', 'max_volume', 'market_max_volume', 'min_volume',
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
