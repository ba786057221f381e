-- The sum of all rows, compared with the newest running balance.
with chains as (

    select * from {{ ref('int_ledger_chains') }}

),

sums as (

    select
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        'sum_rule' as kind,
        '' as detail,
        last_balance as expected,
        last_balance - last_level as computed,
        last_level as net_residual,
        row_count,
        case when last_level = 0 then 0 else 1 end as break_count,
        first_at as since_at,
        last_at as checked_at,
        last_record_id as record_id,
        case when last_level = 0 then 'none' else 'warning' end as severity,
        case
            when last_level = 0 then null
            when first_level = 0 and last_level = swing_residual
                then 'the exchange shows two balances in turn (a swing of the balance chain): the '
                || 'rows add up to the other one, to the last digit'
            else concat(
                'the opening balance (', {{ say_amount('first_level') }}, ') and the ',
                chains.break_count,
                ' findings of the balance chain add up to this: see those rows'
            )
        end as likely_cause
    from chains

)

select * from sums
