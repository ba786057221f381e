-- The first row of a chain starts from zero; if not, rows before it are missing.
with chains as (

    select * from {{ ref('int_ledger_chains') }}

),

gaps as (

    select * from {{ ref('int_coverage_gaps') }}
    where scope = '' and (verdict != 'unverified' or is_proven_incomplete)

),

-- Streams that begin where an account was changed into another kind, with the balances it had.
changed_streams as (

    select * from {{ ref('int_stream_reaches') }}
    where starts_with_change

),

openings as (

    select
        chains.account_id,
        chains.exchange,
        chains.wallet,
        chains.asset,
        chains.exchange_asset,
        'opening_balance' as kind,
        '' as detail,
        chains.first_level as expected,
        cast(0 as decimal(38, 18)) as computed,
        chains.first_level as net_residual,
        chains.row_count,
        case when chains.first_level = 0 then 0 else 1 end as break_count,
        chains.first_at as since_at,
        chains.first_at as checked_at,
        chains.first_record_id as record_id,
        case
            when chains.first_level = 0 then 'none'
            when changed_streams.stream is not null then 'info'
            else 'critical'
        end as severity,
        case
            when chains.first_level = 0 then null
            when changed_streams.stream is not null then 'account_changed'
            else 'rows_before_missing'
        end as cause_code,
        {{ words({
            'asset': 'chains.asset', 'first_on': say_when('chains.first_at'),
            'opening_amount': say_amount('chains.first_level'), 'gap_verdict': 'gaps.verdict',
        }) }} as words
    from chains
    asof left join gaps
        on
            chains.account_id = gaps.account_id
            and chains.stream = gaps.stream
            and chains.first_at > gaps.span_start
    left join changed_streams
        on
            chains.account_id = changed_streams.account_id
            and chains.stream = changed_streams.stream

)

select * from openings
