-- Each time a stored record was no longer given, and when it was given again.
with events as (

    select * from {{ ref('int_vanished_unioned') }}

),

returns as (

    select * from events
    where is_served

),

incidents as (

    select
        -- keys
        events.account_id,
        events.exchange,
        events.stream,
        events.scope,
        events.record_id,
        events.receipt_id,

        -- when
        events.occurred_at,
        events.noticed_at,
        returns.noticed_at as returned_at
    from events
    asof left join returns
        on
            events.account_id = returns.account_id
            and events.stream = returns.stream
            and events.record_id = returns.record_id
            and events.noticed_at < returns.noticed_at
    where not events.is_served

)

select * from incidents
