with source as (

    select * from {{ raw_table('bigone', 'assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'uuid', 'symbol', 'name', 'is_fiat', 'is_transfer_enabled', 'binding_gateways',
            'scale', 'transfer_scale',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('uuid') }} as asset_uuid,

        -- what
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('name') }} as asset_name,
        {{ bool_field('is_fiat') }} as is_fiat,
        {{ bool_field('is_transfer_enabled') }} as is_transfer_enabled,
        {{ text_field('binding_gateways') }} as binding_gateways,

        -- how much
        {{ integer_field('scale') }} as decimals,
        {{ integer_field('transfer_scale') }} as transfer_decimals,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
