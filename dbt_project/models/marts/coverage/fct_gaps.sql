{#- One row a hole that people can act on: scopes that share a span and a verdict share a row. -#}
with gaps as (

    select * from {{ ref('int_coverage_gaps') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind in ('history', 'excluded')

),

receipts as (

    select * from {{ ref('int_receipts_unioned') }}

),

accounts as (

    select * from {{ ref('int_accounts_unioned') }}
    where is_current

),

proofs as (

    select * from {{ ref('int_ledger_proofs') }}

),

unasked as (

    select * from {{ ref('int_unasked_streams') }}

),

-- A file that was imported is no sync, nor is a word that there was nothing to ask by.
last_askings as (

    select
        account_id,
        stream,
        max(asked_at) as asked_at
    from receipts
    where origin is distinct from 'file' and error_kind is distinct from 'nothing_to_ask'
    group by account_id, stream

),

file_streams as (

    select distinct account_id, stream from receipts
    where origin = 'file'

),

-- What was ever read of each scope: a pair that was never traded and is gone is no loss to fear.
scope_rows as (

    select
        account_id,
        stream,
        scope,
        sum(row_count) as row_count
    from receipts
    group by account_id, stream, scope

),

judged_gaps as (

    select
        gaps.*,
        gaps.verdict = 'refused'
        and coalesce(receipts.error_kind = 'unknown_scope', false) as is_unknown_scope,
        coalesce(scope_rows.row_count > 0, false) as has_rows
    from gaps
    left join receipts
        on gaps.account_id = receipts.account_id and gaps.evidence_id = receipts.receipt_id
    left join scope_rows
        on
            gaps.account_id = scope_rows.account_id
            and gaps.stream = scope_rows.stream
            and gaps.scope = scope_rows.scope

),

-- A stream asked coin by coin would show the same hole once a coin.
by_span as (

    select
        account_id,
        exchange,
        stream,
        case when count(*) = 1 then min(scope) else '*' end as scope,
        count(*) as scope_count,
        max(stream_scope_count) as stream_scope_count,
        string_agg(nullif(scope, ''), ', ' order by scope) as scope_names,
        span_start,
        span_end,
        verdict,
        is_proven_incomplete,
        is_unknown_scope,
        is_unknown_scope and has_rows as is_lost_scope,
        state,
        filled_by,
        bool_and(is_fill_proven) as is_fill_proven,
        arg_max(evidence_id, (last_asked_at, evidence_id)) as evidence_id,
        arg_max(evidence_kind, (last_asked_at, evidence_id)) as evidence_kind,
        any_value(start_reason) as start_reason,
        any_value(served_from) as served_from,
        any_value(served_until) as served_until
    from judged_gaps
    group by all

),

explained as (

    select
        by_span.*,
        coalesce(accounts.label, by_span.account_id) as label,
        coalesce(specs.exchange_title, by_span.exchange) as title,
        specs.retention_seconds,
        case
            when by_span.span_start < {{ as_of() }} - to_seconds(specs.retention_seconds)
                then {{ as_of() }} - to_seconds(specs.retention_seconds)
        end as reaches_back_to,
        specs.page_size,
        specs.newest_rows,
        specs.affects,
        specs.reason,
        {{ possible_remedy('specs') }} as spec_remedy,
        accounts.origin as account_origin,
        case
            when
                by_span.verdict in ('refused', 'lost_to_retention', 'sync_lapse')
                and receipts.error_kind = 'no_permission'
                then specs.needs_right
        end as lacking_right,
        specs.docs_url,
        specs.lifecycle,
        specs.ends_at,
        receipts.asked_at,
        coalesce(receipts.error_text, receipts.error_kind, 'no reason was given') as error_text,
        last_askings.asked_at as last_asked_at,
        file_streams.stream is not null as has_files,
        by_span.verdict in ('never_asked', 'failed', 'refused')
        and coalesce(unasked.is_settled, false) as has_nothing_to_ask_by,
        unasked.told_at as unasked_at,
        unasked.reason as unasked_reason,
        specs.scope as scope_parameter,
        proofs.proof as balance_proof,
        proofs.break_count,
        proofs.opening_at,
        proofs.opening_asset,
        proofs.opening_balance,
        case
            when by_span.scope_count = 1 and by_span.scope = '' then by_span.stream
            when by_span.scope_count = 1 then by_span.stream || ' of ' || by_span.scope
            when by_span.scope_count = by_span.stream_scope_count
                then concat(
                    by_span.stream,
                    case by_span.scope_count
                        when 2 then ' of both '
                        else ' of all ' || by_span.scope_count || ' '
                    end,
                    regexp_replace(specs.scope, 'y$', 'ie'), 's'
                )
            else
                concat(
                    by_span.stream, ' of ', by_span.scope_count, ' of the ',
                    by_span.stream_scope_count, ' ',
                    regexp_replace(specs.scope, 'y$', 'ie'), 's'
                )
        end as subject,
        case
            when
                by_span.verdict in (
                    'lost_to_retention', 'sync_lapse', 'row_cap', 'unresolved', 'venue_closed',
                    'excluded_by_exchange'
                )
                then false
            when {{ is_over('specs') }} then false
            when by_span.served_until is not null then false
            when by_span.is_unknown_scope then false
            when by_span.span_end <= {{ as_of() }} - to_seconds(specs.retention_seconds) then false
            else true
        end as is_obtainable
    from by_span
    inner join specs on by_span.exchange = specs.exchange and by_span.stream = specs.stream
    left join accounts on by_span.account_id = accounts.account_id
    left join receipts
        on by_span.account_id = receipts.account_id and by_span.evidence_id = receipts.receipt_id
    left join last_askings
        on by_span.account_id = last_askings.account_id and by_span.stream = last_askings.stream
    left join file_streams
        on by_span.account_id = file_streams.account_id and by_span.stream = file_streams.stream
    left join unasked
        on by_span.account_id = unasked.account_id and by_span.stream = unasked.stream
    left join proofs
        on by_span.account_id = proofs.account_id and by_span.stream = proofs.stream

),

told as (

    select
        *,
        'from ' || {{ say_when('span_start') }} || ' to ' || {{ say_when('span_end') }} as span,
        title || ' keeps ' || stream || ' for ' || {{ say_seconds('retention_seconds') }} || '. '
            as limit_words,
        {{ say_when('asked_at') }} as asked_on,
        case when is_obtainable then {{ sync_step('exchange', 'label', 'account_origin') }} end
            as sync_command
    from explained

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            account_id, stream,
            case when scope_count = stream_scope_count then scope else scope_names end,
            verdict, epoch_us(span_start)
        )) as gap_id,
        account_id,
        exchange,
        stream,
        scope,

        -- the hole
        span_start,
        span_end,
        span_end - span_start as duration,
        verdict,
        case
            when state = 'filled' then 'info'
            when is_proven_incomplete then 'critical'
            when verdict in ('unverified', 'excluded_by_exchange') then 'info'
            when lacking_right is not null then 'info'
            when has_nothing_to_ask_by then 'info'
            when is_unknown_scope then case when is_lost_scope then 'warning' else 'info' end
            when verdict in ('failed', 'never_asked') and is_obtainable then 'warning'
            else 'critical'
        end as severity,
        is_proven_incomplete,
        balance_proof,
        affects,

        -- why, and what to do
        case when has_nothing_to_ask_by then concat(
            title, ' must be asked for ', stream, ' by ', scope_parameter,
            ', and none is known of this account: there was nothing to ask.'
        )
        else case verdict
            when 'lost_to_retention' then concat(
                limit_words, 'It was first asked on ', asked_on, ', when ', subject, ' ', span,
                ' had already dropped out of reach.'
            )
            when 'sync_lapse' then concat(
                limit_words, 'What happened ', span, ' was in reach once',
                ', until ' || {{ say_when('span_end + to_seconds(retention_seconds)') }},
                ', but no sync read it; on ', asked_on, ' it was gone.'
            )
            when 'failed' then concat(
                'Asking ', title, ' for ', subject, ' ', span, ' failed on ', asked_on, ': ',
                error_text
            )
            when 'refused' then case when is_unknown_scope then concat(
                title, ' knew ', subject, ' no more on ', asked_on, '. What happened ', span,
                ', if anything did, it no longer tells; ',
                case
                    when is_lost_scope then 'its rows from before are stored.'
                    else 'no row of it was ever read.'
                end
            )
            else concat(
                title, ' refused ', subject, ' ', span, ' on ', asked_on, ': ', error_text
            ) end
            when 'venue_closed' then case
                when asked_on is null then concat(
                    title, ' closed on ', {{ say_when('ends_at') }}, '; ', subject, ' ', span,
                    ' had not been read by then.'
                )
                else concat(
                    title, ' is closed and did not give ', subject, ' ', span, ' when asked on ',
                    asked_on, ': ', error_text
                )
            end
            when 'row_cap' then concat(
                title, ' gives only the newest ', newest_rows || ' ', 'rows of ', stream, ' and no way on; ', subject, ' ',
                span, ' lies beyond them (asked on ', asked_on, ').'
            )
            when 'unresolved' then concat(
                'More rows of ', subject, ' share one moment ', span, ' than a page',
                ' of ' || page_size, ' shows; some may be missing.'
            )
            when 'unverified' then case when span_end <= served_from then concat(
                'The account was changed from another kind into its present one at some moment ',
                'between two checks, the second on ', {{ say_when('served_from') }}, '. ', title, ' gave everything it had of ', subject,
                ' ', span, ', but does not say whether ', stream,
                ' tells what happened before that moment.'
            )
            else concat(
                title, ' gave everything it had of ', subject, ' ', span,
                ', but does not say how far back ', stream, ' reaches, so nobody can call it complete.',
                case
                    when is_proven_incomplete and span_end <= opening_at then concat(
                        ' It is not: the first row of ', opening_asset, ', of ',
                        {{ say_when('opening_at') }}, ', starts from a balance of ',
                        {{ say_amount('opening_balance') }}, ' that nothing before it explains.'
                    )
                    when is_proven_incomplete
                        then ' It is not: stored rows prove that others are missing (see the findings '
                        || 'of kind `missing_rows`).'
                    when balance_proof = 'whole'
                        then ' Its running balances speak for it: each asset starts from zero and '
                        || 'every row follows from the one before.'
                    when balance_proof = 'rows_before_missing' and break_count = 0
                        then ' From its first row on every row follows from the one before.'
                end
            ) end
            when 'excluded_by_exchange' then concat(
                title, ' does not give this to anybody by its API: ', affects, '.',
                ' How it is known: ' || nullif(reason, '') || '.'
            )
            else case
                when unasked_at is not null then concat(
                    title, ' was not asked for ', subject, ' on ', {{ say_when('unasked_at') }},
                    ': ', unasked_reason
                )
                -- What a file has of a stream says nothing of what lies before or after it.
                when last_asked_at is null and has_files then concat(
                    'No imported file of ', subject, ' covers what happened ', span, '.'
                )
                when last_asked_at is null then concat(
                    'Nothing has asked ', title, ' for ', subject, ' yet.'
                )
                when last_asked_at < span_end then concat(
                    'The last sync that asked for ', stream, ' was on ',
                    {{ say_when('last_asked_at') }}, '; nothing asked for ', subject, ' ', span, '.'
                )
                else concat('No sync has asked for ', subject, ' ', span, ' yet.')
            end
        end end as cause,
        case
            when lacking_right is not null then concat(
                'nothing, as a rule: it takes the right or role ', lacking_right,
                ', which a key that only reads need not have; ', spec_remedy
            )
            when has_nothing_to_ask_by then concat(
                'nothing, unless there was such a ', scope_parameter, ': ',
                case when is_obtainable then 'every sync asks for those it finds; otherwise ' end,
                spec_remedy
            )
            when is_unknown_scope and not is_lost_scope then concat(
                'nothing, unless you traded there at that time; then ', spec_remedy
            )
            when verdict = 'refused' and is_obtainable then concat(
                'give the key the right to read this (`lookback guide ', exchange, '`), then ',
                sync_command
            )
            when verdict in ('failed', 'never_asked') and is_obtainable then concat(
                sync_command,
                '; what happened before ' || {{ say_when('reaches_back_to') }}
                || ' is out of reach: ' || spec_remedy
            )
            when verdict = 'unverified' and not is_proven_incomplete then concat(
                'nothing is known to be missing; to be sure, compare with another source: ',
                spec_remedy
            )
            when verdict = 'sync_lapse' then concat(
                spec_remedy, '; from now on, sync before the deadlines in fct_deadlines'
            )
            else spec_remedy
        end as remedy,
        is_obtainable,
        lacking_right,

        -- whether something else has it
        state,
        filled_by,
        is_fill_proven,

        -- how many scopes share the row
        scope_count,
        stream_scope_count,
        scope_names,

        -- how we know
        evidence_id,
        evidence_kind,
        docs_url,
        start_reason
    from told

)

select * from final
