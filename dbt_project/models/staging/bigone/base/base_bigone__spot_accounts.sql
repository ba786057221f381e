with source as (

    select * from {{ raw_table('bigone', 'spot_accounts') }}

),

opened as (

    {{ open_records(
        fields=[
            'asset_symbol', 'balance', 'locked_balance',
        ],
        numbers=[
            'balance', 'locked_balance',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('asset_symbol') }}) as asset_symbol,

        -- how much
        {{ amount(number_field('balance')) }} as balance,
        {{ amount(number_field('locked_balance')) }} as locked_balance,
        {{ unreadable_amounts(
            amounts=[
                'balance', 'locked_balance',
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
