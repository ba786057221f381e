with source as (

    select * from {{ raw_table('bigone', 'trading_fees') }}

),

opened as (

    {{ open_records(
        fields=[
            'asset_pair_name', 'maker_fee_rate', 'taker_fee_rate',
        ],
        numbers=[
            'maker_fee_rate', 'taker_fee_rate',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('asset_pair_name') }}) as asset_pair_name,

        -- how much
        {{ amount(number_field('maker_fee_rate')) }} as maker_fee_rate,
        {{ amount(number_field('taker_fee_rate')) }} as taker_fee_rate,
        {{ unreadable_amounts(
            amounts=[
                'maker_fee_rate', 'taker_fee_rate',
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
