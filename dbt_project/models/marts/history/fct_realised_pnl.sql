{#-
    What contracts realised, as it moved the balance: profit and loss, settlements, funding, and the
    fees of trades that realised nothing else (those that open a position).
-#}
with ledger_entries as (

    select * from {{ ref('fct_ledger_entries') }}
    where status = 'completed'

),

realised as (

    select * from ledger_entries
    where
        entry_type in ('realised_pnl', 'funding')
        -- A settlement without a contract is of another product.
        or (entry_type = 'settlement' and market is not null)

),

-- A fee row may be of a spot trade. It is of a contract where the same market realised something
-- in the same coin, or where the wallet has contracts and no spot trades.
contract_wallets as (

    select account_id, wallet from realised
    except
    select account_id, wallet from ledger_entries where entry_type = 'trade'

),

contracts as (

    select distinct account_id, wallet, market, asset
    from realised
    where market is not null

),

fees as (

    select ledger_entries.*
    from ledger_entries
    left join contract_wallets using (account_id, wallet)
    left join contracts using (account_id, wallet, market, asset)
    where
        ledger_entries.entry_type = 'fee'
        and (contract_wallets.wallet is not null or contracts.market is not null)

),

entries as (

    select * from realised

    union all

    select * from fees

),

final as (

    select
        -- keys
        ledger_entry_id,
        account_id,
        exchange,
        stream,
        record_id,

        -- what
        wallet,
        market,
        asset,
        entry_type as pnl_kind,

        -- how much
        amount as pnl_amount,

        -- when
        occurred_at as realised_at,
        {{ utc_day('occurred_at') }} as realised_on,

        -- where it came from
        origin
    from entries

)

select * from final
