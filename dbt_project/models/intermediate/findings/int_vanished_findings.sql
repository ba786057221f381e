-- Each time a stored record was no longer given, as a finding; fixed once it is given again.
with incidents as (

    select * from {{ ref('int_vanished_incidents') }}

),

-- Where the exchange has cut off everything before a moment, that is the finding.
drifts as (

    select * from {{ ref('int_drift_findings') }}
    where fix_code is null

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

named as (

    select
        incidents.*,
        {{ is_over('specs') }} as is_over,
        specs.wallet,
        drifts.finding_id as drift_id
    from incidents
    left join specs on incidents.exchange = specs.exchange and incidents.stream = specs.stream
    left join drifts
        on
            incidents.account_id = drifts.account_id
            and incidents.stream = drifts.stream
            and incidents.receipt_id = drifts.evidence_id
            and incidents.occurred_at < drifts.span_end

),

final as (

    select
        {{ finding_id(
            'vanished_row', ['account_id', 'stream', 'record_id', 'epoch_us(noticed_at)']
        ) }} as finding_id,
        'vanished_row' as kind,
        case when returned_at is null then 'critical' else 'info' end as severity,
        account_id,
        exchange,
        stream,
        wallet,
        cast(null as varchar) as asset,
        occurred_at as span_start,
        noticed_at as span_end,
        cast(1 as decimal(38, 18)) as size,
        record_id as evidence_id,
        'record' as evidence_kind,
        'vanished' as what_code,
        case when is_over then 'ask_for_statement' else 'sync_and_compare' end as remedy_code,
        drift_id as explained_by,
        case when drift_id is not null then 'cut_off' end as explanation_code,
        case when returned_at is not null then 'returned' end as fix_code,
        {{ words({
            'record_id': 'record_id', 'occurred_on': say_when('occurred_at'),
            'noticed_on': say_when('noticed_at'), 'returned_on': say_when('returned_at'),
        }) }} as words
    from named

)

select * from final
