with balances as (

    select * from {{ raw_table('bigone', 'balances') }}

),

typed as (

    select
        -- keys
        balances.account_id,
        'bigone' as exchange,
        balances.stream,
        balances.record_id,
        balances.receipt_id,

        -- what
        balances.wallet,
        balances.asset as exchange_asset,

        -- how much
        case balances.stream
            when 'contract_accounts'
                then {{ amount(json_number('balances', 'balances.record')) }}
            else {{ amount(json_text('balance', 'balances.record')) }}
        end as amount,

        -- when and from where
        balances.taken_at,
        balances.origin
    from balances

)

select * from typed
