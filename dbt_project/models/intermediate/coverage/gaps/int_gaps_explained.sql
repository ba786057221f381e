-- The limits and the evidence of each gap, and whether the API still has its rows.
with gaps as (

    select * from {{ ref('int_gaps_by_span') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current and kind in ('history', 'excluded')

),

remedies as (

    select * from {{ ref('int_stream_remedies') }}

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

-- An imported file is not a sync, and neither is a receipt without a value to request by.
stream_receipts as (

    select
        account_id,
        stream,
        max(asked_at) filter (
            where origin is distinct from 'file' and error_kind is distinct from 'nothing_to_ask'
        ) as last_asked_at,
        bool_or(origin = 'file') as has_files
    from receipts
    group by account_id, stream

),

final as (

    select
        gaps.*,
        coalesce(accounts.label, gaps.account_id) as label,
        accounts.origin as account_origin,

        -- limits
        coalesce(specs.exchange_title, gaps.exchange) as title,
        specs.retention_seconds,
        {{ as_of() }} - to_seconds(specs.retention_seconds) as obtainable_from,
        specs.page_size,
        specs.newest_rows,
        specs.scope as scope_parameter,
        specs.affects,
        nullif(specs.reason, '') as reason,
        specs.docs_url,
        specs.ends_at as exchange_ends_at,
        remedies.other_source,

        -- requests
        receipts.asked_at,
        coalesce(receipts.error_text, receipts.error_kind, 'no reason was given') as error_text,
        case
            when
                gaps.verdict in ('refused', 'lost_to_retention', 'sync_lapse')
                and receipts.error_kind = 'no_permission'
                then specs.needs_right
        end as lacking_right,
        stream_receipts.last_asked_at,
        coalesce(stream_receipts.has_files, false) as has_files,
        gaps.verdict in ('never_asked', 'failed', 'refused')
        and coalesce(unasked.is_settled, false) as has_no_known_value,
        unasked.stated_at as unasked_at,
        unasked.reason as unasked_reason,

        -- balances
        proofs.proof as balance_proof,
        proofs.break_count,
        proofs.opening_at,
        proofs.opening_asset,
        proofs.opening_balance,

        not (
            gaps.verdict in (
                'lost_to_retention', 'sync_lapse', 'row_cap', 'unresolved', 'venue_closed',
                'excluded_by_exchange'
            )
            or {{ is_over('specs') }}
            or gaps.served_until is not null
            or gaps.is_unknown_scope
            or coalesce(gaps.span_end <= obtainable_from, false)
        ) as is_obtainable
    from gaps
    inner join specs on gaps.exchange = specs.exchange and gaps.stream = specs.stream
    left join remedies on gaps.exchange = remedies.exchange and gaps.stream = remedies.stream
    left join accounts on gaps.account_id = accounts.account_id
    left join receipts
        on gaps.account_id = receipts.account_id and gaps.evidence_id = receipts.receipt_id
    left join stream_receipts
        on gaps.account_id = stream_receipts.account_id and gaps.stream = stream_receipts.stream
    left join unasked on gaps.account_id = unasked.account_id and gaps.stream = unasked.stream
    left join proofs on gaps.account_id = proofs.account_id and gaps.stream = proofs.stream

)

select * from final
