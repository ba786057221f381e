with source as (

    select * from {{ raw_table('bitget', 'unified_funding_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'balance', 'available', 'frozen',
        ],
        numbers=[
            'balance', 'available', 'frozen',
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
        {{ amount(number_field('balance')) }} as balance,
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('frozen')) }} as frozen,
        {{ unreadable_amounts(
            amounts=[
                'balance', 'available', 'frozen',
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
