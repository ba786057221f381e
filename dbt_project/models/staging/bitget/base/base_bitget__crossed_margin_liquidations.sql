{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'crossed_margin_liquidations') }}

),

opened as (

    {{ open_records(
        fields=[
            'liqId', 'liqRiskRatio', 'totalAssets', 'totalDebt', 'liqFee', 'liqStartTime',
            'liqEndTime', 'cTime', 'uTime',
        ],
        numbers=[
            'liqRiskRatio', 'totalAssets', 'totalDebt', 'liqFee',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('liqId') }} as liq_id,

        -- how much
        {{ amount(number_field('liqRiskRatio')) }} as liq_risk_ratio,
        {{ amount(number_field('totalAssets')) }} as total_assets,
        {{ amount(number_field('totalDebt')) }} as total_debt,
        {{ amount(number_field('liqFee')) }} as liq_fee,

        -- when
        {{ millis_to_utc(text_field('liqStartTime')) }} as started_at,
        {{ millis_to_utc(text_field('liqEndTime')) }} as ended_at,
        {{ millis_to_utc(text_field('cTime')) }} as created_at,
        {{ millis_to_utc(text_field('uTime')) }} as updated_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'liqRiskRatio', 'totalAssets', 'totalDebt', 'liqFee',
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
