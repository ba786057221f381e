{#-
    Ledger entries of trades and conversions that no row of `fct_trades` or `fct_conversions` takes:
    those that made such a row themselves, and those with one of the same coin within ten seconds
    (an execution and its ledger rows have no common id), are left out.
-#}
with entries as (

    select * from {{ ref('int_ledger_entries') }}
    where entry_type in ('trade', 'conversion') and status = 'completed' and amount != 0

),

trades as (

    select * from {{ ref('int_trades') }}

),

conversions as (

    select * from {{ ref('int_conversions_unioned') }}

),

own_rows as (

    select account_id, stream, record_id from trades

    union

    select account_id, stream, record_id from conversions

    union

    select account_id, stream, paid_record_id as record_id from conversions

),

coin_moments as (

    select distinct
        account_id,
        unnest([base_asset, quote_asset, settle_asset, fee_asset]) as asset,
        traded_at as moved_at
    from trades

    union

    select distinct
        account_id,
        unnest([from_asset, to_asset, fee_asset]) as asset,
        converted_at as moved_at
    from conversions

),

remaining as (

    select entries.*
    from entries
    anti join own_rows using (account_id, stream, record_id)

),

nearest as (

    select
        remaining.*,
        coin_moments.moved_at
    from remaining
    asof left join coin_moments
        on
            remaining.account_id = coin_moments.account_id
            and remaining.asset = coin_moments.asset
            and remaining.occurred_at + interval 10 seconds >= coin_moments.moved_at

),

final as (

    select
        account_id,
        exchange,
        stream,
        record_id,
        case entry_type when 'trade' then 'trades' else 'conversions' end as entity,
        entry_type,
        exchange_entry_type,
        asset,
        amount,
        occurred_at
    from nearest
    where moved_at is null or moved_at < occurred_at - interval 10 seconds

)

select * from final
