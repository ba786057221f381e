{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['account_id', 'record_id'],
        on_schema_change='fail'
    )
}}

with source as (

    {{ newest_versions('bitget', 'loan_revisions') }}

),

opened as (

    {{ open_records(
        fields=[
            'orderId', 'loanCoin', 'pledgeCoin', 'reviseSide', 'reviseAmount', 'beforePledgeRate',
            'afterPledgeRate', 'reviseTime',
        ],
        numbers=[
            'reviseAmount', 'beforePledgeRate', 'afterPledgeRate',
        ]
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,

        -- what
        {{ text_field('orderId') }} as order_id,
        upper({{ text_field('loanCoin') }}) as loan_coin,
        upper({{ text_field('pledgeCoin') }}) as pledge_coin,
        {{ text_field('reviseSide') }} as revise_side,

        -- how much
        {{ amount(number_field('reviseAmount')) }} as revise_amount,
        {{ amount(number_field('beforePledgeRate')) }} as rate_before,
        {{ amount(number_field('afterPledgeRate')) }} as rate_after,

        -- when
        {{ millis_to_utc(text_field('reviseTime')) }} as revised_at,

        -- what could not be typed exactly
        {{ unreadable_amounts(
            amounts=[
                'reviseAmount', 'beforePledgeRate', 'afterPledgeRate',
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
