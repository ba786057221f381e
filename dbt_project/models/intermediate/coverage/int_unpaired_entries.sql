{#-
    Ledger entries of trades and conversions that no row of `fct_trades` or `fct_conversions` takes.
    Left out are those that made such a row themselves, the other side of a trade that an entry of
    the same ledger made (within a second), and those with a conversion, or a trade of another list,
    of the same coin within ten seconds (an execution and its ledger rows have no common id).
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

trade_moments as (

    select distinct
        account_id,
        stream,
        unnest([base_asset, quote_asset, settle_asset, fee_asset]) as asset,
        traded_at as moved_at
    from trades

),

listed_moments as (

    select trade_moments.* exclude (stream)
    from trade_moments
    anti join entries using (account_id, stream)

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
        own_moments.moved_at as own_moved_at,
        listed_moments.moved_at as listed_moved_at
    from remaining
    asof left join trade_moments as own_moments
        on
            remaining.account_id = own_moments.account_id
            and remaining.stream = own_moments.stream
            and remaining.asset = own_moments.asset
            and remaining.occurred_at + interval 1 second >= own_moments.moved_at
    asof left join listed_moments
        on
            remaining.account_id = listed_moments.account_id
            and remaining.asset = listed_moments.asset
            and remaining.occurred_at + interval 10 seconds >= listed_moments.moved_at

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
    where
        coalesce(own_moved_at < occurred_at - interval 1 second, true)
        and coalesce(listed_moved_at < occurred_at - interval 10 seconds, true)

)

select * from final
