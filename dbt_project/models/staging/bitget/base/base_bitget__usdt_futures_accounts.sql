with source as (

    select * from {{ raw_table('bitget', 'usdt_futures_accounts') }}

),

opened as (

    {{ open_records(
        fields=[
            'marginCoin', 'assetMode', 'available', 'locked', 'accountEquity', 'unrealizedPL',
            'crossedUnrealizedPL', 'isolatedUnrealizedPL', 'crossedMaxAvailable',
            'isolatedMaxAvailable', 'maxTransferOut', 'usdtEquity', 'btcEquity',
            'crossedRiskRate', 'coupon', 'unionTotalMagin', 'unionAvailable', 'unionMm',
            'isolatedMargin', 'crossedMargin',
        ],
        numbers=[
            'available', 'locked', 'accountEquity', 'unrealizedPL', 'crossedUnrealizedPL',
            'isolatedUnrealizedPL', 'crossedMaxAvailable', 'isolatedMaxAvailable',
            'maxTransferOut', 'usdtEquity', 'btcEquity', 'crossedRiskRate', 'coupon',
            'unionTotalMagin', 'unionAvailable', 'unionMm', 'isolatedMargin', 'crossedMargin',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        upper({{ text_field('marginCoin') }}) as margin_coin,
        {{ text_field('assetMode') }} as asset_mode,

        -- how much
        {{ amount(number_field('available')) }} as available,
        {{ amount(number_field('locked')) }} as locked,
        {{ amount(number_field('accountEquity')) }} as account_equity,
        {{ amount(number_field('unrealizedPL')) }} as unrealized_pl,
        {{ amount(number_field('crossedUnrealizedPL')) }} as crossed_unrealized_pl,
        {{ amount(number_field('isolatedUnrealizedPL')) }} as isolated_unrealized_pl,
        {{ amount(number_field('crossedMaxAvailable')) }} as crossed_max_available,
        {{ amount(number_field('isolatedMaxAvailable')) }} as isolated_max_available,
        {{ amount(number_field('maxTransferOut')) }} as max_transfer_out,
        {{ amount(number_field('usdtEquity')) }} as usdt_equity,
        {{ amount(number_field('btcEquity')) }} as btc_equity,
        {{ amount(number_field('crossedRiskRate')) }} as crossed_risk_rate,
        {{ amount(number_field('coupon')) }} as coupon,
        {{ amount(number_field('unionTotalMagin')) }} as union_total_margin,
        {{ amount(number_field('unionAvailable')) }} as union_available,
        {{ amount(number_field('unionMm')) }} as union_mm,
        {{ amount(number_field('isolatedMargin')) }} as isolated_margin,
        {{ amount(number_field('crossedMargin')) }} as crossed_margin,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'available', 'locked', 'accountEquity', 'unrealizedPL', 'crossedUnrealizedPL',
                'isolatedUnrealizedPL', 'crossedMaxAvailable', 'isolatedMaxAvailable',
                'maxTransferOut', 'usdtEquity', 'btcEquity', 'crossedRiskRate', 'coupon',
                'unionTotalMagin', 'unionAvailable', 'unionMm', 'isolatedMargin',
                'crossedMargin',
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
