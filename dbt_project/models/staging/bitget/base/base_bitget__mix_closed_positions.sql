{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'mix_closed_positions', with_scope=true) }}

),

opened as (

    {{ open_records(
        fields=[
            'positionId', 'symbol', 'marginCoin', 'holdSide', 'marginMode', 'posMode',
            'openAvgPrice', 'closeAvgPrice', 'openTotalPos', 'closeTotalPos', 'pnl', 'netProfit',
            'totalFunding', 'openFee', 'closeFee', 'ctime', 'utime',
        ],
        numbers=[
            'openAvgPrice', 'closeAvgPrice', 'openTotalPos', 'closeTotalPos', 'pnl', 'netProfit',
            'totalFunding', 'openFee', 'closeFee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        -- the product it was asked by: rows do not say
        asked_scope as product,

        -- what
        {{ text_field('positionId') }} as position_id,
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('marginCoin') }}) as margin_coin,
        {{ text_field('holdSide') }} as hold_side,
        {{ text_field('marginMode') }} as margin_mode,
        {{ text_field('posMode') }} as pos_mode,

        -- how much
        {{ amount(number_field('openAvgPrice')) }} as open_avg_price,
        {{ amount(number_field('closeAvgPrice')) }} as close_avg_price,
        {{ amount(number_field('openTotalPos')) }} as open_total_pos,
        {{ amount(number_field('closeTotalPos')) }} as close_total_pos,
        {{ amount(number_field('pnl')) }} as pnl,
        {{ amount(number_field('netProfit')) }} as net_profit,
        {{ amount(number_field('totalFunding')) }} as total_funding,
        {{ amount(number_field('openFee')) }} as open_fee,
        {{ amount(number_field('closeFee')) }} as close_fee,

        -- when
        {{ millis_to_utc(text_field('ctime')) }} as opened_at,
        {{ millis_to_utc(text_field('utime')) }} as closed_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'openAvgPrice', 'closeAvgPrice', 'openTotalPos', 'closeTotalPos', 'pnl',
                'netProfit', 'totalFunding', 'openFee', 'closeFee',
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
