with source as (

    select * from {{ raw_table('bitmart', 'account_wallet') }}

),

opened as (

    {{ open_records(
        fields=[
            'currency', 'name', 'available', 'frozen', 'unAvailable', 'available_usd_valuation',
        ],
        numbers=[
            'available', 'frozen', 'unAvailable', 'available_usd_valuation',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('currency') }}) as currency,
        {{ text_field('name') }} as currency_name,

        -- how much, in the coin
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('frozen')) }} as frozen,
        {{ amount(number_field('unAvailable')) }} as unavailable,
        {{ amount(number_field('available_usd_valuation')) }} as available_usd_valuation,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'available', 'frozen', 'unAvailable', 'available_usd_valuation',
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
