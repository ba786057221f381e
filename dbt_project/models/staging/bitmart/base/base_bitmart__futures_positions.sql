with source as (

    select * from {{ raw_table('bitmart', 'futures_positions') }}

),

opened as (

    {{ open_records(
        fields=[
            'account', 'symbol', 'position_type', 'position_mode', 'margin_type', 'leverage',
            'current_amount', 'close_vol', 'entry_price', 'open_avg_price', 'close_avg_price',
            'mark_price', 'mark_value', 'current_value', 'position_value', 'position_cross',
            'maintenance_margin', 'current_fee', 'realized_value', 'unrealized_value',
            'timestamp', 'open_timestamp',
        ],
        numbers=[
            'current_amount', 'close_vol', 'entry_price', 'open_avg_price', 'close_avg_price',
            'mark_price', 'mark_value', 'current_value', 'position_value', 'position_cross',
            'maintenance_margin', 'current_fee', 'realized_value', 'unrealized_value',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('account') }} as account,
        upper({{ text_field('symbol') }}) as symbol,
        {{ integer_field('position_type') }} as position_type,
        {{ text_field('position_mode') }} as position_mode,
        {{ text_field('margin_type') }} as margin_type,
        {{ text_field('leverage') }} as leverage,

        -- how much
        {{ amount(number_field('current_amount')) }} as current_amount,
        {{ amount(number_field('close_vol')) }} as close_vol,
        {{ amount(number_field('entry_price')) }} as entry_price,
        {{ amount(number_field('open_avg_price')) }} as open_avg_price,
        {{ amount(number_field('close_avg_price')) }} as close_avg_price,
        {{ amount(number_field('mark_price')) }} as mark_price,
        {{ amount(number_field('mark_value')) }} as mark_value,
        {{ amount(number_field('current_value')) }} as current_value,
        {{ amount(number_field('position_value')) }} as position_value,
        {{ amount(number_field('position_cross')) }} as position_cross,
        {{ amount(number_field('maintenance_margin')) }} as maintenance_margin,
        {{ amount(number_field('current_fee')) }} as current_fee,
        {{ amount(number_field('realized_value')) }} as realized_value,
        {{ amount(number_field('unrealized_value')) }} as unrealized_value,

        -- when
        {{ millis_to_utc(text_field('timestamp')) }} as seen_at,
        {{ millis_to_utc(text_field('open_timestamp')) }} as opened_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'current_amount', 'close_vol', 'entry_price', 'open_avg_price',
                'close_avg_price', 'mark_price', 'mark_value', 'current_value',
                'position_value', 'position_cross', 'maintenance_margin', 'current_fee',
                'realized_value', 'unrealized_value',
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
