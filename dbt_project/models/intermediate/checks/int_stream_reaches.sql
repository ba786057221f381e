-- The moment up to which each stream was read completely, and whether it began with a change of the
-- account.
with coverage as (

    select * from {{ ref('int_coverage_spans') }}

),

reaches as (

    select
        account_id,
        stream,
        max(span_end) filter (where is_complete or verdict = 'unverified') as read_until,
        coalesce(bool_or(start_reason = 'account_changed'), false) as starts_with_change
    from coverage
    group by account_id, stream

)

select * from reaches
