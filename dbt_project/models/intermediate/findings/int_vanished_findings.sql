-- Each time a stored record was no longer given, as a finding; fixed once it is given again.
with incidents as (

    select * from {{ ref('int_vanished_incidents') }}

),

-- Where the exchange has cut off everything before a moment, that is the finding.
drifts as (

    select * from {{ ref('int_drift_findings') }}
    where fixed_by is null

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

accounts as (

    select * from {{ ref('int_accounts_unioned') }}
    where is_current

),

sync_steps as (

    select * from {{ ref('wordings') }}
    where part = 'sync_step'

),

named as (

    select
        incidents.*,
        {{ is_over('specs') }} as is_over,
        coalesce(accounts.label, incidents.account_id) as label,
        sync_steps.text as sync_step_text,
        coalesce(specs.exchange_title, incidents.exchange) as title,
        specs.wallet,
        drifts.finding_id as drift_id
    from incidents
    left join specs on incidents.exchange = specs.exchange and incidents.stream = specs.stream
    left join accounts on incidents.account_id = accounts.account_id
    left join sync_steps on {{ sync_step_code('accounts.origin') }} = sync_steps.code
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
        concat(
            title, ' gave record ', record_id, ' of ', {{ say_when('occurred_at') }}, ' once and not ',
            'again when that time was read to its end on ', {{ say_when('noticed_at') }},
            '. It is kept and still counts: either it was taken back, or the answers lack rows.'
        ) as what,
        case
            when is_over
                then title || ' has closed: a statement of its support can tell whether it took the '
                || 'record back'
            else {{ fill_in('sync_step_text', ['exchange', 'label']) }} || '; if it stays away, compare with the site: where it is there, the API '
                || 'loses rows, and where it is not, the exchange took it back'
        end as remedy,
        drift_id as explained_by,
        case when drift_id is not null then 'everything before a moment was cut off' end
            as explanation,
        'given again on ' || {{ say_when('returned_at') }} as fixed_by
    from named

)

select * from final
