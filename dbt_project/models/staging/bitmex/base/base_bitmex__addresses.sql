with source as (

    select * from {{ raw_table('bitmex', 'addresses') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'userId', 'currency', 'network', 'address', 'memo', 'name', 'note',
            'skipConfirm', 'created',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as address_id,
        {{ text_field('userId') }} as user_id,

        -- what
        {{ text_field('currency') }} as currency,
        {{ text_field('network') }} as network,
        {{ text_field('address') }} as address,
        {{ text_field('memo') }} as memo,
        {{ text_field('name') }} as address_name,
        {{ text_field('note') }} as note,
        {{ bool_field('skipConfirm') }} as is_confirmation_skipped,

        -- when
        {{ iso_to_utc(text_field('created')) }} as saved_at,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
