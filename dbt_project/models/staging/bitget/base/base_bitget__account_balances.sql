with source as (

    select * from {{ raw_table('bitget', 'account_balances') }}

),

opened as (

    {{ open_records(
        fields=[
            'accountType', 'usdtBalance',
        ],
        numbers=['usdtBalance']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('accountType') }} as account_type,

        -- how much
        {{ amount(number_field('usdtBalance')) }} as usdt_balance,
        {{ unreadable_amounts(
            amounts=['usdtBalance']
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
