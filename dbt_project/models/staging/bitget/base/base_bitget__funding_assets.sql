with source as (

    select * from {{ raw_table('bitget', 'funding_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'available', 'frozen', 'usdtValue',
        ],
        numbers=[
            'available', 'frozen', 'usdtValue',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('coin') }}) as coin,

        -- how much
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('frozen')) }} as frozen,
        {{ amount(number_field('usdtValue')) }} as usdt_value,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'available', 'frozen', 'usdtValue',
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
