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

sync_steps as (

    select * from {{ ref('wordings') }}
    where part = 'sync_step'

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
        remedies.other_source as spec_remedy,
        exchanges.title,
        coalesce(exchanges.is_over, false) as is_over,
        coalesce(exchanges.imports_files, false) as imports_files,
        coalesce(accounts.label, named.account_id) as label,
        sync_steps.text as sync_step_text,
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
    left join remedies on named.exchange = remedies.exchange and named.stream = remedies.stream
    left join exchanges on named.exchange = exchanges.exchange
    left join accounts on named.account_id = accounts.account_id
    left join sync_steps on {{ sync_step_code('accounts.origin') }} = sync_steps.code

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
                '; ', {{ fill_in('sync_step_text', ['exchange', 'label']) }}, 'if it stays, import saved answers that hold what is missing',
                spec_remedy
            )
            else concat_ws('; ', {{ fill_in('sync_step_text', ['exchange', 'label']) }}, 'if it stays, ' || spec_remedy)
        end as remedy,
        explained_by,
        explanation,
        cast(null as varchar) as fixed_by
    from explained

)

select * from final
