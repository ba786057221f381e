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
            when first_level = 0 and last_level = swing_residual then 'two_balances_in_turn'
            else 'breaks_add_up'
        end as cause_code,
        {{ words({
            'opening_amount': say_amount('first_level'), 'break_count': 'chains.break_count',
        }) }} as words
    from chains

)

select * from sums
