with source as (

    select * from {{ raw_table('bitget', 'earn_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'amount',
        ],
        numbers=[
            'amount',
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
        {{ amount(number_field('amount')) }} as amount,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'amount',
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
