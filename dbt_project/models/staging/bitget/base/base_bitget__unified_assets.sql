with source as (

    select * from {{ raw_table('bitget', 'unified_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'equity', 'usdValue', 'balance', 'available', 'debt', 'locked',
        ],
        numbers=[
            'equity', 'balance', 'available', 'debt', 'locked',
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
        {{ amount(number_field('equity')) }} as equity,
        {{ text_field('usdValue') }} as usd_value,
        {{ amount(number_field('balance')) }} as balance,
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('debt')) }} as debt,
        {{ amount(number_field('locked')) }} as locked,
        {{ unreadable_amounts(
            amounts=[
                'equity', 'balance', 'available', 'debt', 'locked',
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
