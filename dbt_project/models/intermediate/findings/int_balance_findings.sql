{#-
    Balance checks that do not agree, as findings. Most of them follow from something else: a hole
    explains the break it leaves, the break explains the wrong sum, the sum the snapshot. Such a
    finding is `explained` and names what to look at instead, so that one hole is one open finding.
-#}
with checks as (

    select * from {{ ref('fct_balance_checks') }}
    where not is_ok

),

moments as (

    select * from {{ ref('int_balance_moments') }}

),

-- A note (`info`) explains no difference: no open finding would remain for it.
gaps as (

    select * from {{ ref('int_gap_findings') }}
    where
        fixed_by is null
        and (verdict != 'unverified' or is_proven_incomplete)
        and severity is distinct from 'info'

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

accounts as (

    select * from {{ ref('int_accounts_unioned') }}
    where is_current

),

-- What an exchange as a whole allows is on each of its streams.
exchanges as (

    select
        exchange,
        any_value(coalesce(exchange_title, exchange)) as title,
        bool_or({{ is_over('specs') }}) as is_over,
        bool_or(imports_files) as imports_files
    from specs
    group by exchange

),

ledger_entries as (

    select * from {{ ref('fct_ledger_entries') }}

),

-- Whose rows a wallet's sum is made of: what the specs say, and what is there.
ledger_streams as (

    select exchange, stream, wallet
    from (
        select exchange, stream, wallet, unnest(from_json(entities, '["VARCHAR"]')) as entity
        from specs
    )
    where entity = 'ledger'

    union

    select distinct exchange, stream, wallet
    from ledger_entries

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

),

-- A break lies in a gap of its own stream; a snapshot, in one of any stream its rows come from.
in_gaps as (

    select
        named.finding_id,
        arg_max(gaps.finding_id, (gaps.span_end, gaps.finding_id)) as gap_id,
        arg_max(gaps.what, (gaps.span_end, gaps.finding_id)) as gap_what
    from named
    inner join gaps
        on
            named.account_id = gaps.account_id
            and gaps.scope in ('', '*', named.exchange_asset)
            and named.checked_at > gaps.span_start
            and (
                (named.kind = 'balance_chain' and named.since_at < gaps.span_end)
                or (named.kind = 'snapshot_change' and named.since_at < gaps.span_end)
                or named.kind not in ('balance_chain', 'snapshot_change')
            )
    left join ledger_streams
        on gaps.exchange = ledger_streams.exchange and gaps.stream = ledger_streams.stream
    where
        (named.stream is not null and gaps.stream = named.stream)
        or (
            named.stream is null
            and ledger_streams.stream is not null
            and (
                named.wallet = 'all'
                or ledger_streams.wallet is null
                or ledger_streams.wallet = named.wallet
            )
        )
    group by named.finding_id

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
        {{ possible_remedy('specs') }} as spec_remedy,
        exchanges.title,
        coalesce(exchanges.is_over, false) as is_over,
        coalesce(exchanges.imports_files, false) as imports_files,
        {{ sync_step('named.exchange', 'coalesce(accounts.label, named.account_id)', 'accounts.origin') }}
            as sync_words,
        case
            when named.rename_id is not null
                then {{ finding_id('asset_renamed', ['named.rename_id']) }}
            when named.kind = 'sum_rule' then largest_breaks.break_id
            when named.kind = 'snapshot' and wrong_sums.finding_id is not null
                then wrong_sums.finding_id
            when named.severity != 'info' then in_gaps.gap_id
        end as explained_by,
        case
            when named.rename_id is not null then 'the exchange changed the coin into another one'
            when named.kind = 'sum_rule' and largest_breaks.break_id is not null
                then case largest_breaks.break_count
                    when 1 then 'it is the one break of this asset''s balance'
                    else 'it is the sum of the ' || largest_breaks.break_count
                        || ' breaks of this asset''s balance'
                end
            when named.kind = 'snapshot' and wrong_sums.finding_id is not null
                then 'it is the difference that the sum of all rows has as well'
            when named.kind = 'balance_chain' and named.detail = 'order'
                then 'the rows are all there, in another order'
            when named.kind = 'snapshot' and named.likely_cause like '%account_total%'
                then 'over all wallets of the account rows and balances agree'
            when named.severity != 'info' and in_gaps.gap_id is not null
                then 'there is a gap that can hold it: ' || in_gaps.gap_what
        end as explanation
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
    left join specs on named.exchange = specs.exchange and named.stream = specs.stream
    left join exchanges on named.exchange = exchanges.exchange
    left join accounts on named.account_id = accounts.account_id

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
        concat(
            case kind
                when 'balance_chain' then 'The running balance of '
                when 'opening_balance' then 'The opening balance of '
                when 'sum_rule' then 'The sum of all rows of '
                when 'snapshot' then 'The wallet''s own balance of '
                when 'account_total' then 'The balance over all wallets of '
                when 'snapshot_change' then 'The change between two snapshots of '
                else 'The exchange''s own total (' || detail || ') of '
            end,
            asset, ' does not agree',
            case
                when kind not in ('balance_chain', 'opening_balance') then concat(
                    ' (', {{ say_amount('expected') }}, ' at the exchange, ',
                    {{ say_amount('computed') }}, ' by the rows)'
                )
            end,
            ': ', likely_cause, '.'
        ) as what,
        case
            when explanation is not null then 'settle what explains it'
            when severity = 'info' and is_over
                then 'nothing to do: ' || title || ' has closed, and no balance can be read again'
            when severity = 'info' then 'nothing to do now: the next sync compares again'
            when is_over and imports_files then concat_ws(
                '; ', 'import saved answers that hold what is missing', spec_remedy
            )
            when is_over then coalesce(spec_remedy, 'ask the support of ' || title || ' for what is missing')
            when imports_files then concat_ws(
                '; ', sync_words, 'if it stays, import saved answers that hold what is missing',
                spec_remedy
            )
            else concat_ws('; ', sync_words, 'if it stays, ' || spec_remedy)
        end as remedy,
        explained_by,
        explanation,
        cast(null as varchar) as fixed_by
    from explained

)

select * from final
