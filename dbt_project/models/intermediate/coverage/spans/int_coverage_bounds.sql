{#-
    The start and the end of every scope's history, and the retention that its requests met. The
    history ends where the last sync or check looked. Only when that is long ago does it reach to
    now, and past an exchange's closing only as far as something was read there. A pair that the
    exchange removed ends where that was found.
-#}
with scopes as (

    select * from {{ ref('int_coverage_scopes') }}

),

requests as (

    select * from {{ ref('int_coverage_requests') }}

),

closed_scopes as (

    select * from {{ ref('int_closed_scopes') }}

),

-- The floor of the first request decides between "lost before" and "came too late".
request_evidence as (

    select
        scope_key,
        max(asked_to) filter (where outcome != 'refused') as answered_until,
        max(asked_to) filter (where outcome in ('exhausted', 'row_cap', 'unresolved')) as read_until,
        max(gone_before) filter (where is_answer) as gone_before,
        -- As a struct with an empty floor first: arg_min skips rows whose value is null.
        min((asked_at, coalesce(gone_before, timestamptz '-infinity'), receipt_id))
            filter (where is_answer) as first_request
    from (
        select *, origin = 'api' and outcome != 'venue_closed' as is_answer
        from requests
    )
    group by scope_key

),

ended as (

    select
        scopes.*,
        request_evidence.answered_until,
        request_evidence.read_until,
        request_evidence.gone_before,
        request_evidence.first_request[1] as first_asked_at,
        nullif(request_evidence.first_request[2], timestamptz '-infinity') as first_gone_before,
        request_evidence.first_request[3] as first_receipt_id,
        case
            when {{ as_of() }} > scopes.known_until + interval '{{ var("staleness_hours", 36) }} hours'
                then {{ as_of() }}
            else scopes.known_until
        end as seen_until,
        least(
            case
                when scopes.lifecycle = 'closed'
                    then greatest(scopes.read_to, least(seen_until, scopes.exchange_ends_at))
                else seen_until
            end,
            scopes.served_until,
            closed_scopes.closed_at
        ) as life_ends_at
    from scopes
    left join request_evidence using (scope_key)
    left join closed_scopes
        on
            scopes.account_id = closed_scopes.account_id
            and scopes.stream = closed_scopes.stream
            and scopes.scope = closed_scopes.scope

),

-- Two keys of one account are synced moments apart: such a sliver is not a gap.
final as (

    select
        * exclude (answered_until, seen_until, life_ends_at, read_to, known_until),
        case
            when
                answered_until < life_ends_at
                and answered_until >= life_ends_at - interval '{{ var("sliver_minutes", 10) }} minutes'
                then answered_until
            else life_ends_at
        end as ends_at
    from ended

)

select * from final
