with source as (

    select * from {{ raw_table('bitmart', 'sub_accounts') }}

),

opened as (

    {{ open_records(
        fields=[
            'accountName', 'status',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('accountName') }} as account_name,

        -- what
        {{ text_field('status') }} as status,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
