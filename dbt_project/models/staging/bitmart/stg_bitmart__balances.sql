with balances as (

    select * from {{ raw_table('bitmart', 'balances') }}

),

typed as (

    select
        -- keys
        balances.account_id,
        'bitmart' as exchange,
        balances.stream,
        balances.record_id,
        balances.receipt_id,

        -- what
        balances.wallet,
        balances.asset as exchange_asset,

        -- how much
        case balances.stream
            when 'account_wallet' then
                {{ amount(json_text('available', 'balances.record')) }}
                + coalesce(
                    {{ amount(json_text('unAvailable', 'balances.record')) }},
                    {{ amount(json_text('frozen', 'balances.record')) }},
                    0
                )
            when 'futures_assets' then
                {{ amount(json_text('available_balance', 'balances.record')) }}
                + coalesce({{ amount(json_text('frozen_balance', 'balances.record')) }}, 0)
                + coalesce({{ amount(json_text('position_deposit', 'balances.record')) }}, 0)
        end as amount,

        -- when and from where
        balances.taken_at,
        balances.origin
    from balances

)

select * from typed
