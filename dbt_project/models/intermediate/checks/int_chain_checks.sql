-- Every balance follows from the one before it: one row per unbroken chain, one per break.
with chains as (

    select * from {{ ref('int_ledger_chains') }}

),

breaks as (

    select * from {{ ref('int_balance_breaks') }}

),

gaps as (

    select * from {{ ref('int_coverage_gaps') }}
    where scope = '' and (verdict != 'unverified' or is_proven_incomplete)

),

unbroken as (

    select
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        '' as detail,
        last_balance as expected,
        last_balance as computed,
        cast(0 as decimal(38, 18)) as net_residual,
        row_count,
        cast(0 as bigint) as break_count,
        first_at as since_at,
        last_at as checked_at,
        last_record_id as record_id,
        'none' as severity,
        cast(null as varchar) as likely_cause
    from chains
    where break_count = 0

),

breaks_in_gaps as (

    select
        breaks.*,
        case when gaps.span_end > breaks.after_at then gaps.verdict end as gap_verdict
    from breaks
    asof left join gaps
        on
            breaks.account_id = gaps.account_id
            and breaks.stream = gaps.stream
            and breaks.broken_at > gaps.span_start

),

broken as (

    select
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        break_kind as detail,
        expected,
        computed,
        net_residual,
        break_count as row_count,
        break_count,
        after_at as since_at,
        broken_at as checked_at,
        record_id,
        case
            -- Two breaks that cancel may be two missing rows; a longer swing cannot be.
            when break_kind = 'swing' and (net_residual != 0 or break_count = 2) then 'warning'
            when net_residual = 0 then 'info'
            else 'critical'
        end as severity,
        case
            when break_kind = 'swing' and net_residual = 0 and break_count = 2 then concat(
                'the balance shown by the exchange is off by ', {{ say_amount('residual') }}, ' ',
                asset, ' on ', {{ say_when('broken_at') }}, ' and right again on ',
                {{ say_when('last_broken_at') }},
                ': either that one row is printed out of step, or two rows that cancel are ',
                'missing, one before it and one after'
            )
            when break_kind = 'swing' then concat(
                'the balance shown by the exchange goes back and forth by ',
                {{ say_amount('abs(residual)') }}, ' ', asset, ', ', break_count, ' times from ',
                {{ say_when('broken_at') }}, ' to ', {{ say_when('last_broken_at') }},
                ', which missing rows seldom do; ',
                case
                    when net_residual = 0 then 'it ends where the rows say'
                    else 'its last word is ' || {{ say_amount('net_residual') }}
                        || ' off what the rows say'
                end
            )
            when break_kind = 'order' then concat(
                'rows are listed in another order than the balance moved (',
                {{ say_when('broken_at') }}, ' and ', {{ say_when('last_broken_at') }},
                '); all of them together agree'
            )
            else concat(
                'movements that add up to ', {{ say_amount('residual') }}, ' ', asset,
                ' are missing after ', {{ say_when('after_at') }}, ' and not after ',
                {{ say_when('broken_at') }},
                case
                    when gap_verdict is null then '; no gap is known there'
                    else '; there is a gap (' || gap_verdict || '), see fct_gaps'
                end
            )
        end as likely_cause
    from breaks_in_gaps

),

final as (

    select *, 'balance_chain' as kind from unbroken

    union all by name

    select *, 'balance_chain' as kind from broken

)

select * from final
