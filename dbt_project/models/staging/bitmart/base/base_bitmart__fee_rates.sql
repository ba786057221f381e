with source as (

    select * from {{ raw_table('bitmart', 'fee_rates') }}

),

opened as (

    {{ open_records(
        fields=[
            'user_rate_type', 'level', 'taker_fee_rate_A', 'maker_fee_rate_A',
            'taker_fee_rate_B', 'maker_fee_rate_B', 'taker_fee_rate_C', 'maker_fee_rate_C',
            'taker_fee_rate_D', 'maker_fee_rate_D',
        ],
        numbers=[
            'taker_fee_rate_A', 'maker_fee_rate_A', 'taker_fee_rate_B', 'maker_fee_rate_B',
            'taker_fee_rate_C', 'maker_fee_rate_C', 'taker_fee_rate_D', 'maker_fee_rate_D',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('user_rate_type') }} as user_rate_type,
        {{ text_field('level') }} as fee_level,

        -- shares of the amount traded, by class of pair
        {{ amount(number_field('taker_fee_rate_A')) }} as taker_fee_rate_a,
        {{ amount(number_field('maker_fee_rate_A')) }} as maker_fee_rate_a,
        {{ amount(number_field('taker_fee_rate_B')) }} as taker_fee_rate_b,
        {{ amount(number_field('maker_fee_rate_B')) }} as maker_fee_rate_b,
        {{ amount(number_field('taker_fee_rate_C')) }} as taker_fee_rate_c,
        {{ amount(number_field('maker_fee_rate_C')) }} as maker_fee_rate_c,
        {{ amount(number_field('taker_fee_rate_D')) }} as taker_fee_rate_d,
        {{ amount(number_field('maker_fee_rate_D')) }} as maker_fee_rate_d,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'taker_fee_rate_A', 'maker_fee_rate_A', 'taker_fee_rate_B',
                'maker_fee_rate_B', 'taker_fee_rate_C', 'maker_fee_rate_C',
                'taker_fee_rate_D', 'maker_fee_rate_D',
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
