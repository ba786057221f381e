-- Balance checks that do not agree, with the key of their finding and the stream of the break.
with checks as (

    select * from {{ ref('int_balance_checks') }}
    where not is_ok

),

moments as (

    select * from {{ ref('int_balance_moments') }}

),

named as (

    select
        checks.*,
        case
            when checks.kind in ('balance_chain', 'opening_balance') then 'balance_break'
            else 'snapshot_residual'
        end as finding_kind,
        -- Another difference is another fact, and is not covered by what was said of the old one.
        case
            when checks.kind in ('balance_chain', 'opening_balance')
                then {{ finding_id('balance_break', ['checks.check_id', 'checks.net_residual']) }}
            else {{ finding_id('snapshot_residual', ['checks.check_id', 'checks.net_residual']) }}
        end as finding_id,
        moments.stream
    from checks
    left join moments
        on
            checks.kind in ('balance_chain', 'opening_balance', 'sum_rule')
            and checks.account_id = moments.account_id
            and checks.wallet = moments.wallet
            and checks.exchange_asset = moments.exchange_asset
            and checks.checked_at = moments.occurred_at

)

select * from named
