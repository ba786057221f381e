with source as (

    select * from {{ raw_table('bitmart', 'spot_wallet') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'name', 'available', 'frozen', 'total',
        ],
        numbers=[
            'available', 'frozen', 'total',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('id') }}) as currency,
        {{ text_field('name') }} as currency_name,

        -- how much, in the coin
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('frozen')) }} as frozen,
        {{ amount(number_field('total')) }} as total,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'available', 'frozen', 'total',
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
