{#-
    The span and the verdict that each request claims. Receipts are many and mostly alike: each goes
    on where the one before ended. Up to 64 that go on from each other are one run, so that only
    runs compete with other claims.
-#}
with requests as (

    select * from {{ ref('int_coverage_requests') }}

),

bounds as (

    select * from {{ ref('int_coverage_bounds') }}

),

claims as (

    select
        requests.scope_key,
        case
            when requests.outcome != 'exhausted' then requests.outcome
            when requests.is_contradicted then 'unverified'
            when requests.origin = 'file' then 'covered_file'
            when requests.retention_kind = 'not_stated' then 'unverified'
            else 'covered_api'
        end as verdict,
        greatest(
            case
                -- Rows below the request's own floor were not in the response, and rows of the
                -- time before the account became one of this kind may not have been.
                when verdict = 'covered_api'
                    then greatest(requests.asked_from, requests.gone_before, bounds.served_from)
                when requests.outcome = 'exhausted'
                    then greatest(requests.asked_from, requests.gone_before)
                -- A failed request means "try again" only as long as that can still help.
                when requests.outcome in ('failed', 'refused')
                    then greatest(requests.asked_from, bounds.gone_before)
                else requests.asked_from
            end,
            bounds.starts_at
        ) as span_start,
        least(requests.asked_to, bounds.ends_at) as span_end,
        requests.receipt_id,
        requests.asked_at
    from requests
    inner join bounds using (scope_key)

    union all

    -- The account was changed at an unknown moment between two checks.
    select
        requests.scope_key,
        'unverified' as verdict,
        greatest(requests.asked_from, requests.gone_before, bounds.starts_at) as span_start,
        least(requests.asked_to, bounds.served_from, bounds.ends_at) as span_end,
        requests.receipt_id,
        requests.asked_at
    from requests
    inner join bounds using (scope_key)
    where
        bounds.served_from is not null
        and requests.outcome = 'exhausted'
        and requests.origin = 'api'
        and requests.retention_kind != 'not_stated'

),

ranked as (

    select
        *,
        case verdict
            when 'covered_api' then 1
            when 'covered_file' then 2
            when 'unverified' then 3
            when 'unresolved' then 4
            when 'row_cap' then 5
            else 6
        end as verdict_rank
    from claims
    where span_start < span_end

),

marked as (

    select
        *,
        row_number() over requests_in_turn as turn,
        coalesce(
            not (
                verdict = lag(verdict) over requests_in_turn
                and span_start between
                lag(span_start) over requests_in_turn and lag(span_end) over requests_in_turn
                and span_end >= lag(span_end) over requests_in_turn
            ),
            true
        )
        or turn % 64 = 0 as is_new_run
    from ranked
    window requests_in_turn as (
        partition by scope_key, verdict_rank order by asked_at, receipt_id
    )

),

-- Within a run a request counts until the next one starts.
final as (

    select
        scope_key,
        verdict,
        verdict_rank,
        turn,
        receipt_id,
        asked_at,
        span_start,
        case when lead(is_new_run, 1, true) over turns then span_end
            else lead(span_start) over turns end as span_end,
        count_if(is_new_run) over (turns rows unbounded preceding) as run
    from marked
    window turns as (partition by scope_key, verdict_rank order by turn)

)

select * from final
