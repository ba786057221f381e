with balances as (

    select * from {{ raw_table('bitget', 'balances') }}
    -- No balances: the valuation of all wallets in USDT, and the products of earn.
    where stream not in ('account_balances', 'savings_assets')

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
        -- Unified wallets have a total; for spot it is the sum of the parts. The equity of futures
        -- includes open profit, which is not a balance.
        case
            when balances.stream = 'spot_assets' then
                {{ amount(json_text('available', 'balances.record')) }}
                + coalesce({{ amount(json_text('frozen', 'balances.record')) }}, 0)
                + coalesce({{ amount(json_text('locked', 'balances.record')) }}, 0)
            when balances.stream = 'funding_assets' then
                {{ amount(json_text('available', 'balances.record')) }}
                + coalesce({{ amount(json_text('frozen', 'balances.record')) }}, 0)
            when balances.stream = 'earn_assets' then
                {{ amount(json_text('amount', 'balances.record')) }}
            -- It includes the profit of bots, of which nothing else is available.
            when balances.stream like '%_bot_assets' then
                {{ amount(json_text('equity', 'balances.record')) }}
            when balances.stream like 'unified_%' then
                {{ amount(json_text('balance', 'balances.record')) }}
            when balances.stream like '%_margin_assets' then
                {{ amount(json_text('totalAmount', 'balances.record')) }}
            else
                {{ amount(json_text('accountEquity', 'balances.record')) }}
                - coalesce(
                    {{ amount(json_text('unrealizedPL', 'balances.record')) }},
                    coalesce({{ amount(json_text('crossedUnrealizedPL', 'balances.record')) }}, 0)
                    + coalesce(
                        {{ amount(json_text('isolatedUnrealizedPL', 'balances.record')) }}, 0
                    )
                )
        end as amount,

        -- when and from where
        balances.taken_at,
        balances.origin
    from balances

),

-- Isolated margin lists a coin once for every pair that holds it.
summed as (

    select
        account_id,
        exchange,
        stream,
        min(record_id) as record_id,
        receipt_id,
        wallet,
        exchange_asset,
        case when count(amount) = count(*) then sum(amount) end as amount,
        taken_at,
        origin
    from typed
    group by account_id, exchange, stream, receipt_id, wallet, exchange_asset, taken_at, origin

)

select * from summed
