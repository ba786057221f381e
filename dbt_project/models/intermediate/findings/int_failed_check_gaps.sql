-- The open gap that can hold the difference of a failed check: of several, one of a stream of that wallet alone, and of
-- those the newest.
{%- set order -%}
    (coalesce(gaps.wallet = named.wallet or (named.wallet = 'all' and gaps.wallet != ''), false), gaps.span_end, gaps.finding_id)
{%- endset %}

with named as (

    select * from {{ ref('int_failed_checks') }}

),

-- A note (`info`) explains no difference: no open finding would remain for it.
gaps as (

    select * from {{ ref('int_gap_findings') }}
    where
        fix_code is null
        and (verdict != 'unverified' or is_proven_incomplete)
        and severity is distinct from 'info'

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

ledger_entries as (

    select * from {{ ref('int_ledger_entries') }}

),

-- Whose rows a wallet's sum is made of: what the specs say, and what is there.
ledger_streams as (

    select
        exchange,
        stream,
        nullif(wallet, '') as wallet
    from ({{ entities_of('specs') }})
    where entity = 'ledger'

    union

    select distinct exchange, stream, wallet
    from ledger_entries

),

-- A break lies in a gap of its own stream; a snapshot, in one of any stream its rows come from.
in_gaps as (

    select
        named.finding_id,
        arg_max(gaps.finding_id, {{ order }}) as gap_id,
        arg_max(gaps.cause, {{ order }}) as gap_cause
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

)

select * from in_gaps
