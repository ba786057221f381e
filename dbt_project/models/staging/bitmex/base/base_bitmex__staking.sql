with source as (

    select * from {{ raw_table('bitmex', 'staking') }}

),

opened as (

    {{ open_records(
        fields=['account', 'currency', 'amount'],
        numbers=['amount']
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
        {{ unreadable_amounts(
            amounts=[],
            minors=['amount']
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
