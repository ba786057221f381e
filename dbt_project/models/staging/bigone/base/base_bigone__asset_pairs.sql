with source as (

    select * from {{ raw_table('bigone', 'asset_pairs') }}

),

opened as (

    {{ open_records(
        fields=[
            'id', 'name', 'base_asset', 'quote_asset', 'base_scale', 'quote_scale',
            'min_quote_value', 'max_quote_value',
        ],
        numbers=[
            'min_quote_value', 'max_quote_value',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('id') }} as pair_uuid,

        -- what
        upper({{ text_field('name') }}) as pair_name,
        upper(try_cast({{ text_field('base_asset') }} as json) ->> '$.symbol') as base_asset,
        upper(try_cast({{ text_field('quote_asset') }} as json) ->> '$.symbol') as quote_asset,

        -- how much
        {{ integer_field('base_scale') }} as base_scale,
        {{ integer_field('quote_scale') }} as quote_scale,
        {{ amount(number_field('min_quote_value')) }} as min_quote_value,
        {{ amount(number_field('max_quote_value')) }} as max_quote_value,
        {{ unreadable_amounts(
            amounts=[
                'min_quote_value', 'max_quote_value',
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
