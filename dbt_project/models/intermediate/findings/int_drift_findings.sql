{#-
    Where the exchange keeps more, or less, than it says, as findings.

    More: it gave a row a day and more older than its limit. Less: an asking met none of the records
    that are stored from before its oldest row, two at least: what was given before is cut off there.
-#}
with receipts as (

    select * from {{ ref('int_receipts_loaded') }}
    where origin = 'api'

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

incidents as (

    select * from {{ ref('int_vanished_incidents') }}

),

older_rows as (

    select
        receipts.account_id,
        receipts.exchange,
        receipts.stream,
        arg_min(receipts.receipt_id, (receipts.oldest_at, receipts.receipt_id)) as receipt_id,
        min(receipts.oldest_at) as oldest_at,
        max(receipts.asked_at - to_seconds(specs.retention_seconds) - receipts.oldest_at) as excess,
        max(receipts.asked_at) as asked_at
    from receipts
    inner join specs on receipts.exchange = specs.exchange and receipts.stream = specs.stream
    where
        specs.retention_kind = 'rolling'
        and receipts.oldest_at
        < receipts.asked_at - to_seconds(specs.retention_seconds) - interval 1 day
    group by receipts.account_id, receipts.exchange, receipts.stream

),

keeps_more as (

    select
        {{ finding_id('drift', ['older_rows.account_id', 'older_rows.stream', "'more'"]) }}
            as finding_id,
        'info' as severity,
        older_rows.account_id,
        older_rows.exchange,
        older_rows.stream,
        specs.wallet,
        older_rows.oldest_at as span_start,
        older_rows.asked_at as span_end,
        cast(epoch_us(older_rows.excess) // 86400000000 as decimal(38, 18)) as size,
        older_rows.receipt_id as evidence_id,
        'kept_longer' as what_code,
        'report_kept_longer' as remedy_code,
        cast(null as varchar) as fix_code,
        {{ words({
            'retention': say_seconds('specs.retention_seconds'),
            'oldest_on': say_when('older_rows.oldest_at'),
            'excess_days': 'epoch_us(older_rows.excess) // 86400000000',
        }) }} as words
    from older_rows
    inner join specs on older_rows.exchange = specs.exchange and older_rows.stream = specs.stream

),

cut_off as (

    select
        incidents.account_id,
        incidents.exchange,
        incidents.stream,
        incidents.scope,
        incidents.receipt_id,
        count(*) as record_count,
        count(incidents.returned_at) as returned_count,
        max(incidents.returned_at) as returned_at,
        min(incidents.occurred_at) as first_at,
        max(incidents.occurred_at) as last_at,
        any_value(coalesce(receipts.oldest_at, receipts.asked_to)) as oldest_at,
        any_value(receipts.asked_at) as asked_at
    from incidents
    inner join receipts
        on
            incidents.account_id = receipts.account_id
            and incidents.receipt_id = receipts.receipt_id
    group by
        incidents.account_id, incidents.exchange, incidents.stream, incidents.scope,
        incidents.receipt_id
    having count(*) >= 2 and max(incidents.occurred_at) < any_value(
        coalesce(receipts.oldest_at, receipts.asked_to)
    )

),

keeps_less as (

    select
        {{ finding_id('drift', ['cut_off.account_id', 'cut_off.receipt_id', "'less'"]) }}
            as finding_id,
        case when cut_off.returned_count = cut_off.record_count then 'info' else 'critical' end
            as severity,
        cut_off.account_id,
        cut_off.exchange,
        cut_off.stream,
        specs.wallet,
        cut_off.first_at as span_start,
        cut_off.oldest_at as span_end,
        case
            when specs.retention_kind = 'rolling' then cast(
                epoch_us(
                    cut_off.asked_at - to_seconds(specs.retention_seconds) - cut_off.oldest_at
                ) // 86400000000 as decimal(38, 18)
            )
        end as size,
        cut_off.receipt_id as evidence_id,
        case
            when specs.retention_kind = 'rolling' then 'kept_shorter' else 'cut_off'
        end as what_code,
        'sync_more_often' as remedy_code,
        case when cut_off.returned_count = cut_off.record_count then 'all_returned' end as fix_code,
        {{ words({
            'retention': say_seconds('specs.retention_seconds'),
            'asked_on': say_when('cut_off.asked_at'), 'oldest_on': say_when('cut_off.oldest_at'),
            'record_count': 'cut_off.record_count', 'first_on': say_when('cut_off.first_at'),
            'returned_on': say_when('cut_off.returned_at'),
        }) }} as words
    from cut_off
    left join specs on cut_off.exchange = specs.exchange and cut_off.stream = specs.stream

),

stacked as (

    select * from keeps_more
    union all
    select * from keeps_less

),

final as (

    select
        finding_id,
        'drift' as kind,
        severity,
        account_id,
        exchange,
        stream,
        wallet,
        cast(null as varchar) as asset,
        span_start,
        span_end,
        size,
        evidence_id,
        'receipt' as evidence_kind,
        what_code,
        remedy_code,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation_code,
        fix_code,
        words
    from stacked

)

select * from final
