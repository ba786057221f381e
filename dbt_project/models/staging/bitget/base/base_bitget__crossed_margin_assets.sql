with source as (

    select * from {{ raw_table('bitget', 'crossed_margin_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'totalAmount', 'available', 'frozen', 'borrow', 'interest', 'net', 'coupon',
            'cTime', 'uTime',
        ],
        numbers=[
            'totalAmount', 'available', 'frozen', 'borrow', 'interest', 'net', 'coupon',
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
        {{ amount(number_field('totalAmount')) }} as total_amount,
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('frozen')) }} as frozen,
        {{ amount(number_field('borrow')) }} as borrowed,
        {{ amount(number_field('interest')) }} as interest,
        {{ amount(number_field('net')) }} as net,
        {{ amount(number_field('coupon')) }} as coupon,

        -- when
        {{ millis_to_utc(text_field('cTime')) }} as created_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'totalAmount', 'available', 'frozen', 'borrow', 'interest', 'net', 'coupon',
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
