with source as (

    select * from {{ raw_table('bitmex', 'wallet_assets') }}

),

opened as (

    {{ open_records(
        fields=[
            'assetID', 'currency', 'majorCurrency', 'asset', 'name', 'currencyType', 'scale',
            'enabled', 'isMarginCurrency', 'memoRequired', 'networks', 'minDepositAmount',
            'minWithdrawalAmount', 'maxWithdrawalAmount',
        ],
        numbers=['minDepositAmount', 'minWithdrawalAmount', 'maxWithdrawalAmount']
    ) }}

),

renamed as (

    select
        -- keys
        account_id,
        record_id,
        {{ text_field('assetID') }} as asset_id,

        -- what: the code is that of the minor unit, and its case counts
        {{ text_field('currency') }} as currency,
        {{ text_field('majorCurrency') }} as major_currency,
        {{ text_field('asset') }} as chain_asset,
        {{ text_field('name') }} as asset_name,
        {{ text_field('currencyType') }} as currency_type,
        {{ integer_field('scale') }} as unit_scale,
        {{ bool_field('enabled') }} as is_enabled,
        {{ bool_field('isMarginCurrency') }} as is_margin_currency,
        {{ bool_field('memoRequired') }} as is_memo_required,
        cast({{ text_field('networks') }} as json) as networks,

        -- limits, in minor units
        {{ minor_units(number_field('minDepositAmount')) }} as min_deposit_minor,
        {{ minor_units(number_field('minWithdrawalAmount')) }} as min_withdrawal_minor,
        {{ minor_units(number_field('maxWithdrawalAmount')) }} as max_withdrawal_minor,
        {{ unreadable_amounts(
            amounts=[],
            minors=['minDepositAmount', 'minWithdrawalAmount', 'maxWithdrawalAmount']
        ) }} as unreadable_amounts,

        -- where it came from and when
        origin,
        receipt_id,
        occurred_at,
        _dlt_load_id as load_id
    from opened

)

select * from renamed
