-- Rows without an amount or without a time, which are no facts: the exchange wrote what cannot be
-- read, or nothing. Amounts of more digits than a column holds are in int_inexact_findings.
with inexact as (

    select * from {{ ref('int_inexact_amounts') }}

),

unreadable as (

    select unreadable_rows.*
    from {{ ref('int_unreadable_rows') }} as unreadable_rows
    anti join inexact
        on
            unreadable_rows.account_id = inexact.account_id
            and unreadable_rows.stream = inexact.stream
            and unreadable_rows.record_id = inexact.record_id
            and unreadable_rows.field = 'amount'

),

counted as (

    select
        account_id,
        exchange,
        stream,
        field,
        count(distinct record_id) as record_count,
        min(record_id) as first_record_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at
    from unreadable
    group by account_id, exchange, stream, field

),

final as (

    select
        {{ finding_id(
            'unreadable_value', ['account_id', 'stream', 'field', 'first_record_id', 'record_count']
        ) }} as finding_id,
        'unreadable_value' as kind,
        'critical' as severity,
        account_id,
        exchange,
        stream,
        cast(null as varchar) as wallet,
        cast(null as varchar) as asset,
        first_at as span_start,
        last_at as span_end,
        cast(record_count as decimal(38, 18)) as size,
        first_record_id as evidence_id,
        'record' as evidence_kind,
        'unreadable' as what_code,
        'report_record' as remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'records': say_count('record_count', 'record'), 'field': 'field',
            'first_record_id': 'first_record_id',
        }) }} as words
    from counted

)

select * from final
