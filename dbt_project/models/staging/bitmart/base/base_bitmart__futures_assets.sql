with source as (

    select * from {{ raw_table('bitmart', 'futures_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'currency', 'position_deposit', 'frozen_balance', 'available_balance', 'equity',
            'unrealized',
        ],
        numbers=[
            'position_deposit', 'frozen_balance', 'available_balance', 'equity', 'unrealized',
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

        -- how much, in the coin
        {{ amount(number_field('position_deposit')) }} as position_deposit,
        {{ amount(number_field('frozen_balance')) }} as frozen_balance,
        {{ amount(number_field('available_balance')) }} as available_balance,
        {{ amount(number_field('equity')) }} as equity,
        {{ amount(number_field('unrealized')) }} as unrealized,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'position_deposit', 'frozen_balance', 'available_balance', 'equity',
                'unrealized',
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
