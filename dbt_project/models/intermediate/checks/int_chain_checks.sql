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
        'none' as severity
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
            when break_kind = 'swing' and net_residual = 0 and break_count = 2 then 'one_balance_off'
            when break_kind = 'swing' then 'balance_swings'
            when break_kind = 'order' then 'other_order'
            else 'rows_missing'
        end as cause_code,
        {{ words({
            'asset': 'asset', 'residual': say_amount('residual'),
            'swing': say_amount('abs(residual)'), 'break_count': 'break_count',
            'after_on': say_when('after_at'), 'broken_on': say_when('broken_at'),
            'last_broken_on': say_when('last_broken_at'),
            'if_rows_agree': "case when net_residual = 0 then '' end",
            'rows_differ_by': 'nullif(' ~ say_amount('net_residual') ~ ", '0')",
            'gap_verdict': 'gap_verdict',
            'if_no_gap': "case when gap_verdict is null then '' end",
        }) }} as words
    from breaks_in_gaps

),

final as (

    select *, 'balance_chain' as kind from unbroken

    union all by name

    select *, 'balance_chain' as kind from broken

)

select * from final
