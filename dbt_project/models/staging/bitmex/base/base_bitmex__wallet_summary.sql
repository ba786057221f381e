with source as (

    select * from {{ raw_table('bitmex', 'wallet_summary') }}

),

opened as (

    {{ open_records(
        fields=[
            'account', 'currency', 'transactType', 'symbol', 'amount', 'fee', 'pendingDebit',
            'realisedPnl', 'unrealisedPnl', 'walletBalance', 'marginBalance',
        ],
        numbers=[
            'amount', 'fee', 'pendingDebit', 'realisedPnl', 'unrealisedPnl', 'walletBalance',
            'marginBalance',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('account') }} as account_number,

        -- what
        {{ text_field('currency') }} as currency,
        {{ text_field('transactType') }} as transact_type,
        {{ text_field('symbol') }} as symbol,

        -- how much, in minor units
        {{ minor_units(number_field('amount')) }} as amount_minor,
        {{ minor_units(number_field('fee')) }} as fee_minor,
        {{ minor_units(number_field('pendingDebit')) }} as pending_debit_minor,
        {{ minor_units(number_field('realisedPnl')) }} as realised_pnl_minor,
        {{ minor_units(number_field('unrealisedPnl')) }} as unrealised_pnl_minor,
        {{ minor_units(number_field('walletBalance')) }} as wallet_balance_minor,
        {{ minor_units(number_field('marginBalance')) }} as margin_balance_minor,
        {{ unreadable_amounts(
            amounts=[],
            minors=[
                'amount', 'fee', 'pendingDebit', 'realisedPnl', 'unrealisedPnl',
                'walletBalance', 'marginBalance',
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
