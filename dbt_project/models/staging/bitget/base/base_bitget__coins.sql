with source as (

    select * from {{ raw_table('bitget', 'coins') }}

),

opened as (

    {{ open_records(
        fields=[
            'coinId', 'coin', 'transfer', 'chains',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('coinId') }} as coin_id,

        -- what
        upper({{ text_field('coin') }}) as coin,
        {{ bool_field('transfer') }} as is_transferable,
        cast({{ text_field('chains') }} as json) as chains,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
