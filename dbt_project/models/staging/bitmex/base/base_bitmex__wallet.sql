with source as (

    select * from {{ raw_table('bitmex', 'wallet') }}

),

opened as (

    {{ open_records(
        fields=[
            'account', 'currency', 'amount', 'deposited', 'withdrawn', 'transferIn',
            'transferOut', 'pendingCredit', 'pendingDebit', 'confirmedDebit', 'timestamp',
        ],
        numbers=[
            'amount', 'deposited', 'withdrawn', 'transferIn', 'transferOut', 'pendingCredit',
            'pendingDebit', 'confirmedDebit',
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

        -- how much, in minor units
        {{ minor_units(number_field('amount')) }} as amount_minor,
        {{ minor_units(number_field('deposited')) }} as deposited_minor,
        {{ minor_units(number_field('withdrawn')) }} as withdrawn_minor,
        {{ minor_units(number_field('transferIn')) }} as transfer_in_minor,
        {{ minor_units(number_field('transferOut')) }} as transfer_out_minor,
        {{ minor_units(number_field('pendingCredit')) }} as pending_credit_minor,
        {{ minor_units(number_field('pendingDebit')) }} as pending_debit_minor,
        {{ minor_units(number_field('confirmedDebit')) }} as confirmed_debit_minor,

        -- when
        {{ iso_to_utc(text_field('timestamp')) }} as changed_at,
        {{ unreadable_amounts(
            amounts=[],
            minors=[
                'amount', 'deposited', 'withdrawn', 'transferIn', 'transferOut',
                'pendingCredit', 'pendingDebit', 'confirmedDebit',
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
