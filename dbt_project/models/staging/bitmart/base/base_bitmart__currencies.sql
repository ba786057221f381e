with source as (

    select * from {{ raw_table('bitmart', 'currencies') }}

),

opened as (

    {{ open_records(
        fields=[
            'currency', 'name', 'network', 'contract_address', 'withdraw_enabled',
            'deposit_enabled', 'withdraw_minsize', 'withdraw_fee', 'withdraw_fee_estimate',
            'withdraw_minfee', 'recharge_minsize',
        ],
        numbers=[
            'withdraw_minsize', 'withdraw_fee', 'withdraw_fee_estimate', 'withdraw_minfee',
            'recharge_minsize',
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
        {{ text_field('name') }} as currency_name,
        {{ text_field('network') }} as network,
        {{ text_field('contract_address') }} as contract_address,
        {{ bool_field('withdraw_enabled') }} as is_withdraw_enabled,
        {{ bool_field('deposit_enabled') }} as is_deposit_enabled,

        -- limits and fees
        {{ amount(number_field('withdraw_minsize')) }} as withdraw_minsize,
        {{ amount(number_field('withdraw_fee')) }} as withdraw_fee,
        {{ amount(number_field('withdraw_fee_estimate')) }} as withdraw_fee_estimate,
        {{ amount(number_field('withdraw_minfee')) }} as withdraw_minfee,
        {{ amount(number_field('recharge_minsize')) }} as recharge_minsize,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'withdraw_minsize', 'withdraw_fee', 'withdraw_fee_estimate', 'withdraw_minfee',
                'recharge_minsize',
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
