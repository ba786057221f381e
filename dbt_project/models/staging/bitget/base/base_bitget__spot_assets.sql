with source as (

    select * from {{ raw_table('bitget', 'spot_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'coin', 'available', 'frozen', 'locked', 'limitAvailable', 'uTime',
        ],
        numbers=['available', 'frozen', 'locked', 'limitAvailable']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('coin') }}) as coin,

        -- how much, in the coin
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('frozen')) }} as frozen,
        {{ amount(number_field('locked')) }} as locked,
        {{ amount(number_field('limitAvailable')) }} as limit_available,

        -- when
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,
        {{ unreadable_amounts(
            amounts=['available', 'frozen', 'locked', 'limitAvailable']
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
