{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'unified_positions') }}

),

opened as (

    {{ open_records(
        fields=[
            'positionId', 'category', 'symbol', 'marginCoin', 'holdMode', 'posSide',
            'marginMode', 'openPriceAvg', 'closePriceAvg', 'openTotalPos', 'closeTotalPos',
            'cumRealisedPnl', 'netProfit', 'totalFunding', 'openFeeTotal', 'closeFeeTotal',
            'createdTime', 'updatedTime',
        ],
        numbers=[
            'openPriceAvg', 'closePriceAvg', 'openTotalPos', 'closeTotalPos', 'cumRealisedPnl',
            'netProfit', 'totalFunding', 'openFeeTotal', 'closeFeeTotal',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('positionId') }} as position_id,

        -- what
        upper({{ text_field('category') }}) as category,
        upper({{ text_field('symbol') }}) as symbol,
        upper({{ text_field('marginCoin') }}) as margin_coin,
        {{ text_field('holdMode') }} as hold_mode,
        {{ text_field('posSide') }} as pos_side,
        {{ text_field('marginMode') }} as margin_mode,

        -- how much
        {{ amount(number_field('openPriceAvg')) }} as open_price_avg,
        {{ amount(number_field('closePriceAvg')) }} as close_price_avg,
        {{ amount(number_field('openTotalPos')) }} as open_total_pos,
        {{ amount(number_field('closeTotalPos')) }} as close_total_pos,
        {{ amount(number_field('cumRealisedPnl')) }} as cum_realised_pnl,
        {{ amount(number_field('netProfit')) }} as net_profit,
        {{ amount(number_field('totalFunding')) }} as total_funding,
        {{ amount(number_field('openFeeTotal')) }} as open_fee_total,
        {{ amount(number_field('closeFeeTotal')) }} as close_fee_total,

        -- when
        {{ millis_to_utc(text_field('createdTime')) }} as created_at,
        {{ millis_to_utc(text_field('updatedTime')) }} as updated_at,
        {{ unreadable_amounts(
            amounts=[
                'openPriceAvg', 'closePriceAvg', 'openTotalPos', 'closeTotalPos',
                'cumRealisedPnl', 'netProfit', 'totalFunding', 'openFeeTotal', 'closeFeeTotal',
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
