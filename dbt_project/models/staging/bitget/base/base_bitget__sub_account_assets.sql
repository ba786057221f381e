with source as (

    select * from {{ raw_table('bitget', 'sub_account_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'userId', 'assetsList',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('id') }} as page_id,
        {{ text_field('userId') }} as sub_uid,
        {{ text_field('assetsList') }} as assets,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
