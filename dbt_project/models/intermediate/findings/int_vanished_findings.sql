-- Each time a stored record was no longer given, as a finding; fixed once it is given again.
with events as (

    select * from {{ ref('int_vanished_unioned') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

returns as (

    select * from events
    where is_served

),

incidents as (

    select
        events.*,
        returns.noticed_at as returned_at,
        coalesce(specs.exchange_title, events.exchange) as title,
        specs.wallet
    from events
    asof left join returns
        on
            events.account_id = returns.account_id
            and events.stream = returns.stream
            and events.record_id = returns.record_id
            and events.noticed_at < returns.noticed_at
    left join specs on events.exchange = specs.exchange and events.stream = specs.stream
    where not events.is_served

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
        'sync again; if it stays away, compare with the site: where it is there, the API loses rows, '
        || 'and where it is not, the exchange took it back' as remedy,
        cast(null as varchar) as explained_by,
        cast(null as varchar) as explanation,
        'given again on ' || {{ say_when('returned_at') }} as fixed_by
    from incidents

)

select * from final
