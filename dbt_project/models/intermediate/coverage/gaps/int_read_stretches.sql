-- Spans over which a scope was read without a break, in two variants: everything that was read
-- completely, and only spans that are known to be complete (`is_proven`).
with coverage as (

    select * from {{ ref('int_coverage_spans') }}

),

proofs as (

    select * from {{ ref('int_ledger_proofs') }}

),

-- If balances prove that a ledger lacks its first rows, it covers no time before its first row.
read_spans as (

    select
        coverage.account_id,
        coverage.stream,
        coverage.scope,
        standards.is_proven,
        case
            when not coverage.is_complete and proofs.opening_count > 0
                then greatest(coverage.span_start, proofs.first_row_at)
            else coverage.span_start
        end as span_start,
        coverage.span_end
    from coverage
    cross join (values (true), (false)) as standards (is_proven)
    left join proofs
        on coverage.account_id = proofs.account_id and coverage.stream = proofs.stream
    where
        coverage.is_complete
        or (coverage.verdict = 'unverified' and not standards.is_proven)

),

marked as (

    select
        *,
        span_start is distinct from lag(span_end) over (
            partition by account_id, stream, scope, is_proven order by span_start
        ) as is_new_stretch
    from read_spans
    where span_start < span_end

),

numbered as (

    select
        *,
        count_if(is_new_stretch) over (
            partition by account_id, stream, scope, is_proven order by span_start
        ) as stretch_number
    from marked

),

final as (

    select
        account_id,
        stream,
        scope,
        is_proven,
        min(span_start) as stretch_start,
        max(span_end) as stretch_end
    from numbered
    group by account_id, stream, scope, is_proven, stretch_number

)

select * from final
