with balances as (

    select * from {{ raw_table('bitget', 'balances') }}
    where stream in ('spot_assets', 'unified_assets', 'unified_funding_assets')

),

typed as (

    select
        -- keys
        balances.account_id,
        'bitget' as exchange,
        balances.stream,
        balances.record_id,
        balances.receipt_id,

        -- what
        balances.wallet,
        balances.asset as exchange_asset,

        -- how much
        -- Unified wallets say the whole; of a spot wallet it is put together.
        case
            when balances.stream = 'spot_assets'
                then {{ amount(json_text('available', 'balances.record')) }}
                + coalesce({{ amount(json_text('frozen', 'balances.record')) }}, 0)
                + coalesce({{ amount(json_text('locked', 'balances.record')) }}, 0)
            else {{ amount(json_text('balance', 'balances.record')) }}
        end as amount,

        -- when and from where
        balances.taken_at,
        balances.origin
    from balances

)

select * from typed
