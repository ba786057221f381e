{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'led_spot_orders') }}

),

opened as (

    {{ open_records(
        fields=[
            'trackingNo', 'symbol', 'followCount', 'fillSize', 'buyPrice', 'sellPrice', 'buyFee',
            'sellFee', 'achievedPL', 'netProfit', 'achievedPLR', 'buyTime', 'sellTime',
        ],
        numbers=[
            'fillSize', 'buyPrice', 'sellPrice', 'buyFee', 'sellFee', 'achievedPL', 'netProfit',
            'achievedPLR',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('trackingNo') }} as tracking_number,
        upper({{ text_field('symbol') }}) as symbol,
        {{ text_field('followCount') }} as follow_count,

        -- how much
        {{ amount(number_field('fillSize')) }} as fill_size,
        {{ amount(number_field('buyPrice')) }} as buy_price,
        {{ amount(number_field('sellPrice')) }} as sell_price,
        {{ amount(number_field('buyFee')) }} as buy_fee,
        {{ amount(number_field('sellFee')) }} as sell_fee,
        {{ amount(number_field('achievedPL')) }} as realised_pnl,
        {{ amount(number_field('netProfit')) }} as net_profit,
        {{ amount(number_field('achievedPLR')) }} as profit_rate,

        -- when
        {{ millis_to_utc(text_field('buyTime')) }} as bought_at,
        {{ millis_to_utc(text_field('sellTime')) }} as sold_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'fillSize', 'buyPrice', 'sellPrice', 'buyFee', 'sellFee', 'achievedPL', 'netProfit',
                'achievedPLR',
            ]
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        asked_at,
        loaded_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
