with balances as (

    {{ union_raw('balances') }}

),

assets as (

    select * from {{ ref('int_assets_unioned') }}

),

-- Only these streams say how much of an asset a wallet holds; others are valuations or totals.
of_wallets as (

    select
        *,
        {{ json_text('available') }} as available_text,
        {{ json_text('frozen') }} as frozen_text,
        {{ json_text('locked') }} as locked_text,
        {{ json_text('amount') }} as amount_text,
        {{ json_text('unAvailable') }} as unavailable_text,
        {{ json_text('available_balance') }} as available_balance_text,
        {{ json_text('frozen_balance') }} as frozen_balance_text,
        {{ json_text('position_deposit') }} as position_deposit_text
    from balances
    where
        (exchange, stream) in (
            ('bigone', 'spot_accounts'), ('bigone', 'fund_accounts'),
            ('bigone', 'contract_accounts'), ('bitget', 'spot_assets'), ('bitmex', 'wallet'),
            ('bitmart', 'account_wallet'), ('bitmart', 'futures_assets')
        )

),

typed as (

    select
        -- keys
        md5(concat_ws('|',
            of_wallets.account_id, of_wallets.stream, of_wallets.wallet, of_wallets.asset,
            epoch_us(of_wallets.taken_at)
        )) as balance_id,
        of_wallets.account_id,
        of_wallets.exchange,
        of_wallets.stream,
        of_wallets.record_id,
        of_wallets.receipt_id,

        -- what
        of_wallets.wallet,
        coalesce(assets.asset, upper(of_wallets.asset)) as asset,
        of_wallets.asset as exchange_asset,

        -- how much
        case of_wallets.exchange
            when 'bigone' then
                case of_wallets.stream
                    when 'contract_accounts' then
                        {{ amount(json_number('balances', 'of_wallets.record')) }}
                    else {{ amount(json_text('balance', 'of_wallets.record')) }}
                end
            when 'bitget' then
                {{ amount('available_text') }}
                + coalesce({{ amount('frozen_text') }}, 0)
                + coalesce({{ amount('locked_text') }}, 0)
            when 'bitmex' then
                {{ from_minor_units(minor_units('amount_text'), 'assets.unit_scale') }}
            when 'bitmart' then
                case of_wallets.stream
                    when 'account_wallet' then
                        {{ amount('available_text') }}
                        + coalesce({{ amount('unavailable_text') }}, {{ amount('frozen_text') }}, 0)
                    when 'futures_assets' then
                        {{ amount('available_balance_text') }}
                        + coalesce({{ amount('frozen_balance_text') }}, 0)
                        + coalesce({{ amount('position_deposit_text') }}, 0)
                end
        end as amount,

        -- when and from where
        of_wallets.taken_at,
        of_wallets.origin
    from of_wallets
    left join assets
        on
            of_wallets.exchange = assets.exchange
            and of_wallets.asset = assets.exchange_asset

)

select * from typed
