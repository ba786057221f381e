with source as (

    select * from {{ raw_table('bitmex', 'wallet_assets') }}

),

renamed as (

    select
        -- keys
        record_id,
        {{ json_text('assetID') }} as asset_id,

        -- what: `currency` is the code of the minor unit, and its case counts
        {{ json_text('currency') }} as currency,
        {{ json_text('majorCurrency') }} as major_currency,
        {{ json_text('asset') }} as chain_asset,
        {{ json_text('name') }} as asset_name,
        {{ json_text('currencyType') }} as currency_type,
        try_cast({{ json_text('scale') }} as integer) as unit_scale,

        -- what may be done with it
        {{ json_bool('enabled') }} as is_enabled,
        {{ json_bool('isMarginCurrency') }} as is_margin_currency,
        {{ json_bool('memoRequired') }} as is_memo_required,
        record -> '$.networks' as networks,

        -- limits, in minor units
        try_cast({{ json_text('minDepositAmount') }} as decimal(38, 0)) as min_deposit_minor,
        try_cast({{ json_text('minWithdrawalAmount') }} as decimal(38, 0)) as min_withdrawal_minor,
        try_cast({{ json_text('maxWithdrawalAmount') }} as decimal(38, 0)) as max_withdrawal_minor,

        -- where it came from
        receipt_id,
        origin
    from source

)

select * from renamed
