with source as (

    select * from {{ raw_table('bitmex', 'positions') }}

),

-- `positionReport` may repeat keys of the record it lies in, so nothing is looked for in the
-- record's text: the integers here are exact all the same, having less than 20 digits.
opened as (

    {{ open_records(
        fields=[
            'account', 'symbol', 'currency', 'underlying', 'quoteCurrency', 'strategy',
            'crossMargin', 'isOpen', 'positionReport', 'currentQty', 'openOrderBuyQty',
            'openOrderSellQty', 'currentCost', 'currentComm', 'realisedCost', 'unrealisedCost',
            'rebalancedPnl', 'prevRealisedPnl', 'realisedPnl', 'unrealisedPnl',
            'openOrderBuyCost', 'openOrderBuyPremium', 'openOrderSellCost',
            'openOrderSellPremium', 'openOrderRealisedPnl', 'grossOpenPremium', 'markValue',
            'riskValue', 'riskLimit', 'posCost', 'posCross', 'posComm', 'posLoss', 'posMargin',
            'posMaint', 'posInit', 'initMargin', 'maintMargin', 'commission', 'initMarginReq',
            'maintMarginReq', 'leverage', 'deleveragePercentile', 'unrealisedPnlPcnt',
            'unrealisedRoePcnt', 'homeNotional', 'foreignNotional', 'markPrice', 'avgCostPrice',
            'avgEntryPrice', 'breakEvenPrice', 'liquidationPrice', 'bankruptPrice', 'timestamp',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('account') }} as account_number,

        -- what
        {{ text_field('symbol') }} as symbol,
        {{ text_field('currency') }} as currency,
        {{ text_field('underlying') }} as underlying,
        {{ text_field('quoteCurrency') }} as quote_currency,
        {{ text_field('strategy') }} as strategy,
        {{ bool_field('crossMargin') }} as is_cross_margin,
        {{ bool_field('isOpen') }} as is_open,
        cast({{ text_field('positionReport') }} as json) as position_report,

        -- how many contracts, signed
        {{ minor_units(text_field('currentQty')) }} as current_qty,
        {{ minor_units(text_field('openOrderBuyQty')) }} as open_order_buy_qty,
        {{ minor_units(text_field('openOrderSellQty')) }} as open_order_sell_qty,

        -- how much, in minor units of the settlement currency
        {{ minor_units(text_field('currentCost')) }} as current_cost_minor,
        {{ minor_units(text_field('currentComm')) }} as current_comm_minor,
        {{ minor_units(text_field('realisedCost')) }} as realised_cost_minor,
        {{ minor_units(text_field('unrealisedCost')) }} as unrealised_cost_minor,
        {{ minor_units(text_field('rebalancedPnl')) }} as rebalanced_pnl_minor,
        {{ minor_units(text_field('prevRealisedPnl')) }} as prev_realised_pnl_minor,
        {{ minor_units(text_field('realisedPnl')) }} as realised_pnl_minor,
        {{ minor_units(text_field('unrealisedPnl')) }} as unrealised_pnl_minor,
        {{ minor_units(text_field('openOrderBuyCost')) }} as open_order_buy_cost_minor,
        {{ minor_units(text_field('openOrderBuyPremium')) }} as open_order_buy_premium_minor,
        {{ minor_units(text_field('openOrderSellCost')) }} as open_order_sell_cost_minor,
        {{ minor_units(text_field('openOrderSellPremium')) }} as open_order_sell_premium_minor,
        {{ minor_units(text_field('openOrderRealisedPnl')) }} as open_order_realised_pnl_minor,
        {{ minor_units(text_field('grossOpenPremium')) }} as gross_open_premium_minor,
        {{ minor_units(text_field('markValue')) }} as mark_value_minor,
        {{ minor_units(text_field('riskValue')) }} as risk_value_minor,
        {{ minor_units(text_field('riskLimit')) }} as risk_limit_minor,
        {{ minor_units(text_field('posCost')) }} as pos_cost_minor,
        {{ minor_units(text_field('posCross')) }} as pos_cross_minor,
        {{ minor_units(text_field('posComm')) }} as pos_comm_minor,
        {{ minor_units(text_field('posLoss')) }} as pos_loss_minor,
        {{ minor_units(text_field('posMargin')) }} as pos_margin_minor,
        {{ minor_units(text_field('posMaint')) }} as pos_maint_minor,
        {{ minor_units(text_field('posInit')) }} as pos_init_minor,
        {{ minor_units(text_field('initMargin')) }} as init_margin_minor,
        {{ minor_units(text_field('maintMargin')) }} as maint_margin_minor,

        -- prices, rates and notionals, as written: floating point
        {{ text_field('commission') }} as commission_text,
        {{ text_field('initMarginReq') }} as init_margin_req_text,
        {{ text_field('maintMarginReq') }} as maint_margin_req_text,
        {{ text_field('leverage') }} as leverage_text,
        {{ text_field('deleveragePercentile') }} as deleverage_percentile_text,
        {{ text_field('unrealisedPnlPcnt') }} as unrealised_pnl_pcnt_text,
        {{ text_field('unrealisedRoePcnt') }} as unrealised_roe_pcnt_text,
        {{ text_field('homeNotional') }} as home_notional_text,
        {{ text_field('foreignNotional') }} as foreign_notional_text,
        {{ text_field('markPrice') }} as mark_price_text,
        {{ text_field('avgCostPrice') }} as avg_cost_price_text,
        {{ text_field('avgEntryPrice') }} as avg_entry_price_text,
        {{ text_field('breakEvenPrice') }} as break_even_price_text,
        {{ text_field('liquidationPrice') }} as liquidation_price_text,
        {{ text_field('bankruptPrice') }} as bankrupt_price_text,

        -- when
        {{ iso_to_utc(text_field('timestamp')) }} as changed_at,
        {{ unreadable_amounts(
            amounts=[],
            minors=[
                'currentQty', 'openOrderBuyQty', 'openOrderSellQty', 'currentCost',
                'currentComm', 'realisedCost', 'unrealisedCost', 'rebalancedPnl',
                'prevRealisedPnl', 'realisedPnl', 'unrealisedPnl', 'openOrderBuyCost',
                'openOrderBuyPremium', 'openOrderSellCost', 'openOrderSellPremium',
                'openOrderRealisedPnl', 'grossOpenPremium', 'markValue', 'riskValue',
                'riskLimit', 'posCost', 'posCross', 'posComm', 'posLoss', 'posMargin',
                'posMaint', 'posInit', 'initMargin', 'maintMargin',
            ],
            is_nested=true
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
