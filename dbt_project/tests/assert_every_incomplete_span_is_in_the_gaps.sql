-- What fct_coverage does not call complete is in int_coverage_gaps to the microsecond, and each
-- of its pieces in fct_gaps.
with incomplete as (

    select coverage_id, epoch_us(span_end) - epoch_us(span_start) as microseconds
    from {{ ref('fct_coverage') }}
    where not is_complete

),

pieces as (

    select coverage_id, sum(epoch_us(span_end) - epoch_us(span_start)) as microseconds
    from {{ ref('int_coverage_gaps') }}
    group by coverage_id

),

differing as (

    select coverage_id
    from incomplete
    full join pieces using (coverage_id)
    where incomplete.microseconds is distinct from pieces.microseconds

),

counts as (

    select
        (select count(*) from {{ ref('int_coverage_gaps') }}) as piece_count,
        (select coalesce(sum(scope_count), 0) from {{ ref('fct_gaps') }}) as told_count

)

select coverage_id as found from differing
union all
select 'pieces that are not in fct_gaps' as found from counts where piece_count != told_count
