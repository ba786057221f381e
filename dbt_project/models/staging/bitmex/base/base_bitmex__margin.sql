with source as (

    select * from {{ raw_table('bitmex', 'margin') }}

),

opened as (

    {{ open_records(
        fields=[
            'account', 'currency', 'state', 'amount', 'walletBalance', 'marginBalance',
            'riskLimit', 'riskValue', 'grossComm', 'grossOpenCost', 'grossOpenPremium',
            'grossExecCost', 'grossMarkValue', 'initMargin', 'maintMargin',
            'targetExcessMargin', 'prevRealisedPnl', 'realisedPnl', 'unrealisedPnl',
            'isolatedUnrealisedPnl', 'excessMargin', 'availableMargin', 'withdrawableMargin',
            'systemWithdrawableMargin', 'foreignMarginBalance', 'foreignRequirement',
            'marginLeverage', 'marginUsedPcnt', 'makerFeeDiscount', 'takerFeeDiscount',
            'timestamp',
        ],
        numbers=[
            'amount', 'walletBalance', 'marginBalance', 'riskLimit', 'riskValue', 'grossComm',
            'grossOpenCost', 'grossOpenPremium', 'grossExecCost', 'grossMarkValue',
            'initMargin', 'maintMargin', 'targetExcessMargin', 'prevRealisedPnl', 'realisedPnl',
            'unrealisedPnl', 'isolatedUnrealisedPnl', 'excessMargin', 'availableMargin',
            'withdrawableMargin', 'systemWithdrawableMargin', 'foreignMarginBalance',
            'foreignRequirement',
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
        {{ text_field('currency') }} as currency,
        {{ text_field('state') }} as state,

        -- how much, in minor units
        {{ minor_units(number_field('amount')) }} as amount_minor,
        {{ minor_units(number_field('walletBalance')) }} as wallet_balance_minor,
        {{ minor_units(number_field('marginBalance')) }} as margin_balance_minor,
        {{ minor_units(number_field('riskLimit')) }} as risk_limit_minor,
        {{ minor_units(number_field('riskValue')) }} as risk_value_minor,
        {{ minor_units(number_field('grossComm')) }} as gross_comm_minor,
        {{ minor_units(number_field('grossOpenCost')) }} as gross_open_cost_minor,
        {{ minor_units(number_field('grossOpenPremium')) }} as gross_open_premium_minor,
        {{ minor_units(number_field('grossExecCost')) }} as gross_exec_cost_minor,
        {{ minor_units(number_field('grossMarkValue')) }} as gross_mark_value_minor,
        {{ minor_units(number_field('initMargin')) }} as init_margin_minor,
        {{ minor_units(number_field('maintMargin')) }} as maint_margin_minor,
        {{ minor_units(number_field('targetExcessMargin')) }} as target_excess_margin_minor,
        {{ minor_units(number_field('prevRealisedPnl')) }} as prev_realised_pnl_minor,
        {{ minor_units(number_field('realisedPnl')) }} as realised_pnl_minor,
        {{ minor_units(number_field('unrealisedPnl')) }} as unrealised_pnl_minor,
        {{ minor_units(number_field('isolatedUnrealisedPnl')) }} as isolated_unrealised_pnl_minor,
        {{ minor_units(number_field('excessMargin')) }} as excess_margin_minor,
        {{ minor_units(number_field('availableMargin')) }} as available_margin_minor,
        {{ minor_units(number_field('withdrawableMargin')) }} as withdrawable_margin_minor,
        {{ minor_units(number_field('systemWithdrawableMargin')) }} as system_withdrawable_margin_minor,
        {{ minor_units(number_field('foreignMarginBalance')) }} as foreign_margin_balance_minor,
        {{ minor_units(number_field('foreignRequirement')) }} as foreign_requirement_minor,

        -- rates, as written: floating point
        {{ text_field('marginLeverage') }} as margin_leverage_text,
        {{ text_field('marginUsedPcnt') }} as margin_used_pcnt_text,
        {{ text_field('makerFeeDiscount') }} as maker_fee_discount_text,
        {{ text_field('takerFeeDiscount') }} as taker_fee_discount_text,

        -- when
        {{ iso_to_utc(text_field('timestamp')) }} as changed_at,
        {{ unreadable_amounts(
            amounts=[],
            minors=[
                'amount', 'walletBalance', 'marginBalance', 'riskLimit', 'riskValue',
                'grossComm', 'grossOpenCost', 'grossOpenPremium', 'grossExecCost',
                'grossMarkValue', 'initMargin', 'maintMargin', 'targetExcessMargin',
                'prevRealisedPnl', 'realisedPnl', 'unrealisedPnl', 'isolatedUnrealisedPnl',
                'excessMargin', 'availableMargin', 'withdrawableMargin',
                'systemWithdrawableMargin', 'foreignMarginBalance', 'foreignRequirement',
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
