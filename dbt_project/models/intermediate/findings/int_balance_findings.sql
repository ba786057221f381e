{#-
    Balance checks that do not agree, as findings. Most of them follow from something else: a hole
    explains the break it leaves, the break explains the wrong sum, the sum the snapshot. Such a
    finding is `explained` and names what to look at instead, so that one hole is one open finding.
-#}
with named as (

    select * from {{ ref('int_failed_checks') }}

),

in_gaps as (

    select * from {{ ref('int_failed_check_gaps') }}

),

remedies as (

    select * from {{ ref('int_stream_remedies') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

-- What an exchange as a whole allows is on each of its streams.
exchanges as (

    select
        exchange,
        bool_or({{ is_over('specs') }}) as is_over
    from specs
    group by exchange

),

-- What a wrong sum follows from: the breaks of that asset, the largest for all of them.
largest_breaks as (

    select
        account_id,
        wallet,
        exchange_asset,
        arg_max(finding_id, (abs(net_residual), finding_id)) as break_id,
        count(*) as break_count
    from named
    where finding_kind = 'balance_break' and net_residual != 0
    group by account_id, wallet, exchange_asset

),

wrong_sums as (

    select account_id, wallet, exchange_asset, finding_id, net_residual
    from named
    where kind = 'sum_rule'

),

explained as (

    select
        named.*,
        remedies.other_source,
        in_gaps.gap_cause,
        largest_breaks.break_count as asset_break_count,
        coalesce(exchanges.is_over, false) as is_over,
        case
            when named.rename_id is not null
                then {{ finding_id('asset_renamed', ['named.rename_id']) }}
            when named.kind = 'sum_rule' then largest_breaks.break_id
            when named.kind = 'snapshot' and wrong_sums.finding_id is not null
                then wrong_sums.finding_id
            when named.severity != 'info' then in_gaps.gap_id
        end as explained_by,
        case
            when named.rename_id is not null then 'renamed'
            when named.kind = 'sum_rule' and largest_breaks.break_count = 1 then 'one_break'
            when named.kind = 'sum_rule' and largest_breaks.break_id is not null then 'sum_of_breaks'
            when named.kind = 'snapshot' and wrong_sums.finding_id is not null then 'same_as_sum'
            when named.kind = 'balance_chain' and named.detail = 'order' then 'other_order'
            when named.kind = 'snapshot' and named.cause_code = 'moved_between_wallets'
                then 'account_agrees'
            when named.severity != 'info' and in_gaps.gap_id is not null then 'in_gap'
        end as explanation_code
    from named
    left join in_gaps on named.finding_id = in_gaps.finding_id
    left join largest_breaks
        on
            named.account_id = largest_breaks.account_id
            and named.wallet = largest_breaks.wallet
            and named.exchange_asset = largest_breaks.exchange_asset
    left join wrong_sums
        on
            named.account_id = wrong_sums.account_id
            and named.wallet = wrong_sums.wallet
            and named.exchange_asset = wrong_sums.exchange_asset
            and named.net_residual = wrong_sums.net_residual
    left join remedies on named.exchange = remedies.exchange and named.stream = remedies.stream
    left join exchanges on named.exchange = exchanges.exchange

),

final as (

    select
        finding_id,
        finding_kind as kind,
        severity,
        account_id,
        exchange,
        stream,
        wallet,
        asset,
        since_at as span_start,
        checked_at as span_end,
        coalesce(nullif(net_residual, 0), residual) as size,
        check_id as evidence_id,
        'check' as evidence_kind,
        kind as what_code,
        case
            when explanation_code is not null then 'settle_explanation'
            when severity = 'info' and is_over then 'cannot_be_read_again'
            when severity = 'info' then 'next_sync_compares'
            when is_over then 'import_answers'
            else 'sync_or_other_source'
        end as remedy_code,
        explained_by,
        explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'asset': 'asset', 'detail': 'detail', 'likely_cause': 'likely_cause',
            'expected': say_amount('expected'), 'computed': say_amount('computed'),
            'break_count': 'asset_break_count', 'gap_cause': 'gap_cause',
        }) }} as words
    from explained

)

select * from final
