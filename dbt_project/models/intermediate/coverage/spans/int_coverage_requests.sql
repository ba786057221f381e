-- Every receipt with the scope that it is about and the limits in force at the time of the request.
with receipts as (

    select * from {{ ref('int_coverage_receipts') }}

),

scopes as (

    select * from {{ ref('int_coverage_scopes') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where kind in ('history', 'excluded') and coalesce(is_private, true)

),

-- Requests before the first recorded limits are judged by those.
spec_periods as (

    select
        exchange,
        stream,
        retention_kind,
        case
            when row_number() over periods = 1 then cast('-infinity' as timestamptz)
            else recorded_at
        end as in_force_from,
        lead(recorded_at, 1, cast('infinity' as timestamptz)) over periods as in_force_until
    from specs
    window periods as (partition by exchange, stream order by recorded_at, stream_spec_id)

),

-- A request without a scope holds for every scope of the stream.
requested_scopes as (

    select account_id, stream, scope as requested_scope, scope_key from scopes
    union all
    select account_id, stream, '' as requested_scope, scope_key from scopes
    where scope != ''

),

final as (

    select
        requested_scopes.scope_key,
        receipts.receipt_id,
        receipts.asked_from,
        receipts.asked_to,
        receipts.asked_at,
        receipts.outcome,
        receipts.origin,
        receipts.is_contradicted,
        receipts.gone_before,
        spec_periods.retention_kind
    from receipts
    inner join requested_scopes
        on
            receipts.account_id = requested_scopes.account_id
            and receipts.stream = requested_scopes.stream
            and receipts.scope = requested_scopes.requested_scope
    inner join spec_periods
        on
            receipts.exchange = spec_periods.exchange
            and receipts.stream = spec_periods.stream
            and receipts.asked_at >= spec_periods.in_force_from
            and receipts.asked_at < spec_periods.in_force_until

)

select * from final
