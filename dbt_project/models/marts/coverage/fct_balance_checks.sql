{#-
    The exchange's own figures beside ours. `expected` is what the exchange says, `computed` what
    the stored ledger comes to, `residual` the first less the second: positive where the account
    holds more than our rows explain. What each kind proves: the docs block `balance_check_kind`.
-#}
with moments as (

    select * from {{ ref('int_balance_moments') }}

),

breaks as (

    select * from {{ ref('int_balance_breaks') }}

),

balances as (

    select * from {{ ref('int_balances_unioned') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where
        is_current
        and kind = 'snapshot'
        and (
            {%- for exchange, streams in var('balance_streams').items() %}
            {{ 'or ' if not loop.first }}(exchange = '{{ exchange }}' and stream in ({{ quoted(streams) }}))
            {%- endfor %}
        )

),

transfers as (

    select * from {{ ref('int_transfers_unioned') }}
    where status = 'completed'

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}
    where outcome = 'exhausted'

),

gaps as (

    select * from {{ ref('int_coverage_gaps') }}
    where verdict != 'unverified' or is_proven_incomplete

),

coverage as (

    select * from {{ ref('fct_coverage') }}

),

wallet_summary_checks as (

    select * from {{ ref('int_bitmex__wallet_summary_checks') }}

),

position_checks as (

    select * from {{ ref('int_bitmex__position_checks') }}

),

-- 1. The ledger against its own running balance.
chains as (

    select
        account_id,
        exchange,
        wallet,
        any_value(asset) as asset,
        exchange_asset,
        arg_min(stream, occurred_at) as stream,
        arg_min(record_id, occurred_at) as first_record_id,
        arg_max(record_id, occurred_at) as last_record_id,
        arg_min(level, occurred_at) as first_level,
        arg_max(level, occurred_at) as last_level,
        arg_max(balance, occurred_at) as last_balance,
        sum(row_count) as row_count,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from moments
    where level is not null
    group by account_id, exchange, wallet, exchange_asset

),

break_counts as (

    select
        account_id,
        wallet,
        exchange_asset,
        count(*) as finding_count,
        max_by(net_residual, last_broken_at) filter (where break_kind = 'swing') as swing_residual
    from breaks
    group by account_id, wallet, exchange_asset

),

whole_chains as (

    select
        chains.account_id,
        chains.exchange,
        chains.wallet,
        chains.asset,
        chains.exchange_asset,
        'balance_chain' as kind,
        '' as detail,
        chains.last_balance as expected,
        chains.last_balance as computed,
        cast(0 as decimal(38, 18)) as net_residual,
        chains.row_count,
        cast(0 as bigint) as break_count,
        chains.first_at as since_at,
        chains.last_at as checked_at,
        chains.last_record_id as record_id,
        'none' as severity,
        cast(null as varchar) as likely_cause
    from chains
    left join break_counts using (account_id, wallet, exchange_asset)
    where break_counts.finding_count is null

),

break_holes as (

    select
        breaks.*,
        case when gaps.span_end > breaks.after_at then gaps.verdict end as hole_verdict
    from breaks
    asof left join gaps
        on
            breaks.account_id = gaps.account_id
            and breaks.stream = gaps.stream
            and gaps.scope = ''
            and breaks.broken_at > gaps.span_start

),

broken_chains as (

    select
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        'balance_chain' as kind,
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
            -- Two breaks that cancel may be two rows that are missing; a longer swing cannot be.
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
                    when hole_verdict is null then '; no gap is known there'
                    else '; there is a gap (' || hole_verdict || '), see fct_gaps'
                end
            )
        end as likely_cause
    from break_holes

),

-- Streams that begin where an account was changed into another kind, with the balances it had.
changed_streams as (

    select distinct
        account_id,
        stream
    from coverage
    where start_reason = 'account_changed'

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
            when chains.first_level != 0 and changed_streams.stream is not null then concat(
                'the first row, of ', {{ say_when('chains.first_at') }}, ', starts from ',
                {{ say_amount('chains.first_level') }}, ' ', chains.asset,
                ': the account was of another kind before, and brought its balances with it'
            )
            when chains.first_level != 0 then concat(
                'the first row, of ', {{ say_when('chains.first_at') }}, ', starts from ',
                {{ say_amount('chains.first_level') }}, ' ', chains.asset,
                ': rows before it are missing',
                '; there is a gap (' || gaps.verdict || '), see fct_gaps'
            )
        end as likely_cause
    from chains
    asof left join gaps
        on
            chains.account_id = gaps.account_id
            and chains.stream = gaps.stream
            and gaps.scope = ''
            and chains.first_at > gaps.span_start
    left join changed_streams
        on
            chains.account_id = changed_streams.account_id
            and chains.stream = changed_streams.stream

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
            when first_level = 0 and last_level = break_counts.swing_residual
                then 'the exchange shows two balances in turn (a swing of the balance chain): the '
                || 'rows add up to the other one, to the last digit'
            else concat(
                'the opening balance (', {{ say_amount('first_level') }}, ') and the ',
                coalesce(break_counts.finding_count, 0),
                ' findings of the balance chain add up to this: see those rows'
            )
        end as likely_cause
    from chains
    left join break_counts using (account_id, wallet, exchange_asset)

),

-- 2. The ledger against snapshots of the wallet. An asset that a snapshot leaves out is zero, and
-- so are all of a wallet whose every snapshot was empty.
snapshot_streams as (

    select distinct account_id, exchange, stream, wallet
    from balances

    union all

    select distinct receipts.account_id, receipts.exchange, receipts.stream, specs.wallet
    from receipts
    inner join specs on receipts.exchange = specs.exchange and receipts.stream = specs.stream
    anti join balances
        on receipts.account_id = balances.account_id and receipts.stream = balances.stream

),

snapshots as (

    select
        snapshot_streams.account_id,
        snapshot_streams.exchange,
        snapshot_streams.stream,
        snapshot_streams.wallet,
        receipts.receipt_id,
        receipts.asked_at as taken_at
    from receipts
    inner join snapshot_streams
        on
            receipts.account_id = snapshot_streams.account_id
            and receipts.stream = snapshot_streams.stream

),

unledgered as (

    {% for exchange, wallets in var('wallets_without_ledger').items() -%}
    {%- set outer = loop -%}
    {%- for wallet in wallets -%}
    select '{{ exchange }}' as exchange, '{{ wallet }}' as wallet
    {%- if not (outer.last and loop.last) %}
    union all
    {% endif %}
    {%- endfor -%}
    {%- endfor %}

),

-- What moved in and out of a wallet without a ledger, as the other side of each move tells it.
moves_of_unledgered as (

    select
        moves.account_id,
        moves.wallet,
        moves.exchange_asset,
        any_value(moves.asset) as asset,
        moves.moved_at as occurred_at,
        sum(moves.amount) as amount
    from (
        select
            to_account_id as account_id, exchange, to_wallet as wallet, exchange_asset, asset,
            coalesce(received_at, sent_at) as moved_at,
            coalesce(amount_received, amount_sent) as amount
        from transfers
        union all
        select
            from_account_id as account_id, exchange, from_wallet as wallet, exchange_asset, asset,
            coalesce(sent_at, received_at) as moved_at,
            -coalesce(amount_sent, amount_received) as amount
        from transfers
    ) as moves
    semi join unledgered
        on moves.exchange = unledgered.exchange and moves.wallet = unledgered.wallet
    group by moves.account_id, moves.wallet, moves.exchange_asset, moves.moved_at

),

levels as (

    select account_id, wallet, exchange_asset, asset, occurred_at, running_amount
    from moments

    union all

    select
        account_id,
        wallet,
        exchange_asset,
        asset,
        occurred_at,
        sum(amount) over (
            partition by account_id, wallet, exchange_asset order by occurred_at
        ) as running_amount
    from moves_of_unledgered

),

held_assets as (

    select account_id, wallet, exchange_asset, any_value(asset) as asset
    from (
        select account_id, wallet, exchange_asset, asset from levels
        union all
        select account_id, wallet, exchange_asset, asset from balances where amount != 0
    )
    group by account_id, wallet, exchange_asset

),

said_balances as (

    select
        snapshots.*,
        held_assets.asset,
        held_assets.exchange_asset,
        case when balances.balance_id is null then 0 else balances.amount end as expected
    from snapshots
    inner join held_assets
        on snapshots.account_id = held_assets.account_id and snapshots.wallet = held_assets.wallet
    left join balances
        on
            snapshots.account_id = balances.account_id
            and snapshots.stream = balances.stream
            and snapshots.wallet = balances.wallet
            and snapshots.receipt_id = balances.receipt_id
            and held_assets.exchange_asset = balances.exchange_asset

),

reconciled as (

    select
        said_balances.*,
        unledgered.wallet is not null as is_unledgered,
        coalesce(levels.running_amount, 0) as computed,
        levels.occurred_at as last_moved_at,
        said_balances.expected - coalesce(levels.running_amount, 0) as residual
    from said_balances
    asof left join levels
        on
            said_balances.account_id = levels.account_id
            and said_balances.wallet = levels.wallet
            and said_balances.exchange_asset = levels.exchange_asset
            and said_balances.taken_at >= levels.occurred_at
    left join unledgered
        on
            said_balances.exchange = unledgered.exchange
            and said_balances.wallet = unledgered.wallet
    where said_balances.expected is not null

),

compared as (

    select
        *,
        lag(residual) over snapshots_of_asset as residual_before,
        lag(expected) over snapshots_of_asset as expected_before,
        lag(computed) over snapshots_of_asset as computed_before,
        lag(taken_at) over snapshots_of_asset as taken_before,
        lead(taken_at) over snapshots_of_asset is null as is_newest
    from reconciled
    window snapshots_of_asset as (
        partition by account_id, stream, wallet, exchange_asset order by taken_at, receipt_id
    )

),

ledger_reach as (

    select
        account_id,
        stream,
        max(span_end) as read_until
    from coverage
    where is_complete or verdict = 'unverified'
    group by account_id, stream

),

-- Where several wallets tell their balances, what moves between them cancels in their sum.
account_totals as (

    select
        account_id,
        exchange,
        any_value(asset) as asset,
        exchange_asset,
        sum(expected) as expected,
        sum(computed) as computed,
        sum(residual) as residual,
        min(taken_at) as first_taken_at,
        max(taken_at) as taken_at,
        -- What moved between two looks is in one wallet's and not in the other's.
        max(taken_at) - min(taken_at) > interval '{{ var("sliver_minutes", 10) }} minutes' as is_apart
    from compared
    where is_newest and not is_unledgered
    group by account_id, exchange, exchange_asset
    having count(distinct wallet) > 1

),

newest_snapshots as (

    select
        compared.account_id,
        compared.exchange,
        compared.wallet,
        compared.asset,
        compared.exchange_asset,
        'snapshot' as kind,
        compared.stream as detail,
        compared.expected,
        compared.computed,
        compared.residual as net_residual,
        coalesce(chains.row_count, 0) as row_count,
        case when compared.residual = 0 then 0 else 1 end as break_count,
        chains.first_at as since_at,
        compared.taken_at as checked_at,
        cast(null as varchar) as record_id,
        case
            when compared.residual = 0 then 'none'
            when compared.is_unledgered then 'info'
            when compared.residual = chains.last_level then 'warning'
            when account_totals.residual = 0 then 'info'
            when ledger_reach.read_until < compared.taken_at then 'info'
            else 'critical'
        end as severity,
        case
            when compared.residual = 0 then null
            when compared.is_unledgered
                then 'no stream has a ledger of this wallet: what moved there is in fct_transfers, '
                || 'and what it earned or lost there nothing tells'
            when compared.residual = chains.last_level
                then 'the same difference as in the sum_rule row of this asset: see that'
            when account_totals.residual = 0
                then 'moves between the wallets of this account, which no stream lists: over all '
                || 'wallets together rows and balances agree (account_total)'
            when ledger_reach.read_until < compared.taken_at then concat(
                'the ledger was read up to ', {{ say_when('ledger_reach.read_until') }},
                ', before the snapshot; if the next sync does not explain it, rows are missing'
            )
            when compared.last_moved_at is null
                then 'the ledger has no row of this asset: its movements are missing'
            else
                'movements are missing, or were made outside this ledger (locked funds, earn, bots)'
        end as likely_cause
    from compared
    left join chains
        on
            compared.account_id = chains.account_id
            and compared.wallet = chains.wallet
            and compared.exchange_asset = chains.exchange_asset
    left join ledger_reach
        on
            chains.account_id = ledger_reach.account_id
            and chains.stream = ledger_reach.stream
    left join account_totals
        on
            compared.account_id = account_totals.account_id
            and compared.exchange_asset = account_totals.exchange_asset
    where
        compared.is_newest
        and (
            compared.expected != 0
            or compared.last_moved_at is not null
            or chains.row_count is not null
        )

),

total_checks as (

    select
        account_id,
        exchange,
        'all' as wallet,
        asset,
        exchange_asset,
        'account_total' as kind,
        '' as detail,
        expected,
        computed,
        residual as net_residual,
        cast(0 as bigint) as row_count,
        case when residual = 0 then 0 else 1 end as break_count,
        cast(null as timestamptz) as since_at,
        taken_at as checked_at,
        cast(null as varchar) as record_id,
        case when residual = 0 then 'none' when is_apart then 'warning' else 'critical' end
            as severity,
        case
            when residual != 0 and is_apart then concat(
                'the wallets were not looked at together (', {{ say_when('first_taken_at') }},
                ' to ', {{ say_when('taken_at') }}, '): something may have moved between them ',
                'meanwhile; if a sync that reads them all does not explain it, rows are missing'
            )
            when residual != 0
                then 'movements are missing, or went where no stream reaches (sub-accounts, earn)'
        end as likely_cause
    from account_totals

),

snapshot_steps as (

    select
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,
        'snapshot_change' as kind,
        stream as detail,
        expected - expected_before as expected,
        computed - computed_before as computed,
        residual - residual_before as net_residual,
        cast(0 as bigint) as row_count,
        cast(1 as bigint) as break_count,
        taken_before as since_at,
        taken_at as checked_at,
        cast(null as varchar) as record_id,
        case when is_unledgered then 'info' else 'warning' end as severity,
        concat(
            'between the snapshots of ', {{ say_when('taken_before') }}, ' and ',
            {{ say_when('taken_at') }}, ' the wallet moved by ',
            {{ say_amount('expected - expected_before') }}, ' ', asset, ', its rows by ',
            {{ say_amount('computed - computed_before') }}
        ) as likely_cause
    from compared
    where residual != residual_before

),

-- 3. The ledger against the exchange's own totals.
wrong_totals as (

    select
        account_id,
        'bitmex' as exchange,
        'main' as wallet,
        asset,
        exchange_asset,
        'wallet_summary' as kind,
        detail,
        expected,
        computed,
        expected - computed as net_residual,
        cast(0 as bigint) as row_count,
        cast(1 as bigint) as break_count,
        cast(null as timestamptz) as since_at,
        checked_at,
        cast(null as varchar) as record_id,
        'critical' as severity,
        'rows of this type are missing or doubled in wallet_history' as likely_cause
    from wallet_summary_checks
    where expected is distinct from computed

),

right_totals as (

    select
        account_id,
        'bitmex' as exchange,
        'main' as wallet,
        any_value(asset) as asset,
        exchange_asset,
        'wallet_summary' as kind,
        '' as detail,
        any_value(expected) filter (where detail = 'Total') as expected,
        any_value(computed) filter (where detail = 'Total') as computed,
        cast(0 as decimal(38, 18)) as net_residual,
        count(*) as row_count,
        cast(0 as bigint) as break_count,
        cast(null as timestamptz) as since_at,
        max(checked_at) as checked_at,
        cast(null as varchar) as record_id,
        'none' as severity,
        cast(null as varchar) as likely_cause
    from wallet_summary_checks
    group by account_id, exchange_asset
    having bool_and(expected is not distinct from computed)

),

-- 4. The executions against the exchange's open positions, in contracts.
positions as (

    select
        position_checks.account_id,
        'bitmex' as exchange,
        'positions' as wallet,
        position_checks.symbol as asset,
        position_checks.symbol as exchange_asset,
        'position' as kind,
        position_checks.currency as detail,
        position_checks.expected,
        position_checks.computed,
        position_checks.expected - position_checks.computed as net_residual,
        position_checks.execution_count as row_count,
        case when position_checks.expected = position_checks.computed then 0 else 1 end
            as break_count,
        cast(null as timestamptz) as since_at,
        position_checks.checked_at,
        cast(null as varchar) as record_id,
        case
            when position_checks.expected = position_checks.computed then 'none'
            when ledger_reach.read_until >= position_checks.checked_at then 'critical'
            -- Positions are asked moments after the executions: it may have traded meanwhile.
            when
                ledger_reach.read_until
                >= position_checks.checked_at - interval '{{ var("sliver_minutes", 10) }} minutes'
                then 'warning'
            else 'info'
        end as severity,
        case
            when position_checks.expected = position_checks.computed then null
            when ledger_reach.read_until >= position_checks.checked_at
                then 'executions of this contract are missing or doubled in trade_history'
            when
                ledger_reach.read_until
                >= position_checks.checked_at - interval '{{ var("sliver_minutes", 10) }} minutes'
                then 'executions of this contract are missing or doubled in trade_history, unless it '
                || 'traded while it was read: if the next sync does not explain it, it is so'
            else concat(
                'trade_history was not read up to the moment the positions are of',
                ' (only to ' || {{ say_when('ledger_reach.read_until') }} || ')'
            )
        end as likely_cause
    from position_checks
    left join ledger_reach
        on
            position_checks.account_id = ledger_reach.account_id
            and ledger_reach.stream = 'trade_history'

),

all_checks as (

    select * from whole_chains
    union all
    select * from broken_chains
    union all
    select * from openings
    union all
    select * from sums
    union all
    select * from newest_snapshots
    union all
    select * from total_checks
    union all
    select * from snapshot_steps
    union all
    select * from wrong_totals
    union all
    select * from right_totals
    union all
    select * from positions

),

renamed as (

    {{ renamed_differences() }}

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            kind, account_id, wallet, exchange_asset, detail,
            case when kind in ('balance_chain', 'snapshot_change') and break_count > 0
                then epoch_us(checked_at) end
        )) as check_id,
        account_id,
        exchange,
        wallet,
        asset,
        exchange_asset,

        -- what was checked
        kind,
        detail,
        since_at,
        checked_at,
        cast(row_count as bigint) as row_count,

        -- what came of it
        cast(expected as decimal(38, 18)) as expected,
        cast(computed as decimal(38, 18)) as computed,
        cast(expected - computed as decimal(38, 18)) as residual,
        cast(net_residual as decimal(38, 18)) as net_residual,
        break_count = 0 as is_ok,
        cast(break_count as bigint) as break_count,
        case when renamed.rename_id is not null then 'info' else severity end as severity,
        coalesce(renamed.what, likely_cause) as likely_cause,
        record_id,
        renamed.rename_id
    from all_checks
    left join renamed using (account_id, wallet, asset, net_residual)

)

select * from final
