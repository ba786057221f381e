{#-
    Compares two lists of one exchange that have the same movements: per asset, over each span that
    both were read in, their sums must agree. Which pairs: `compared_with`
    of their spec. The end of a span, which the next sync reads again, is left out, for rows
    may still come; so are rows at its very edges where the two lists date one movement a little apart.
-#}
with movements as (

    select * from {{ ref('int_stream_movements_unioned') }}

),

covered as (

    select * from {{ ref('int_covered_spans') }}
    where scope = ''

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

pairs as (

    select
        exchange,
        stream as first_stream,
        pair[1] as second_stream,
        pair[2] as part
    from (
        select
            exchange,
            stream,
            unnest(from_json(compared_with, '[["VARCHAR"]]')) as pair
        from specs
        where compared_with like '[[%'
    )

),

spans as (

    select
        pairs.*,
        firsts.account_id,
        greatest(firsts.span_start, seconds.span_start) as span_start,
        least(firsts.span_end, seconds.span_end) - to_seconds(
            greatest(
                coalesce(first_specs.overlap_seconds, 0), coalesce(second_specs.overlap_seconds, 0)
            )
        ) as span_end
    from pairs
    inner join covered as firsts
        on pairs.exchange = firsts.exchange and pairs.first_stream = firsts.stream
    inner join covered as seconds
        on
            pairs.exchange = seconds.exchange
            and pairs.second_stream = seconds.stream
            and firsts.account_id = seconds.account_id
            and firsts.span_start < seconds.span_end
            and seconds.span_start < firsts.span_end
    left join specs as first_specs
        on pairs.exchange = first_specs.exchange and pairs.first_stream = first_specs.stream
    left join specs as second_specs
        on pairs.exchange = second_specs.exchange and pairs.second_stream = second_specs.stream

),

placed as (

    select
        spans.*,
        movements.asset,
        movements.exchange_asset,
        movements.amount,
        movements.stream = spans.first_stream as is_first,
        movements.occurred_at >= spans.span_start + interval 1 minute
        and movements.occurred_at < spans.span_end - interval 1 minute as is_well_inside
    from spans
    inner join movements
        on
            spans.account_id = movements.account_id
            and spans.part = movements.part
            and movements.stream in (spans.first_stream, spans.second_stream)
            and movements.occurred_at >= spans.span_start
            and movements.occurred_at < spans.span_end

),

summed as (

    select
        account_id,
        exchange,
        first_stream,
        second_stream,
        part,
        asset,
        exchange_asset,
        span_start,
        span_end,
        count_if(is_first) as first_count,
        count_if(not is_first) as second_count,
        coalesce(sum(amount) filter (where is_first), 0) as first_sum,
        coalesce(sum(amount) filter (where not is_first), 0) as second_sum,
        coalesce(sum(case when is_first then amount else -amount end) filter (
            where is_well_inside
        ), 0) as inner_residual
    from placed
    group by all

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            summed.account_id, summed.first_stream, summed.second_stream, summed.part,
            summed.exchange_asset, epoch_us(summed.span_start)
        )) as comparison_id,
        summed.account_id,
        summed.exchange,
        summed.first_stream,
        summed.second_stream,
        summed.part,
        summed.asset,
        summed.exchange_asset,

        -- the span that both cover
        summed.span_start,
        summed.span_end,

        -- the contents of each
        cast(summed.first_count as bigint) as first_count,
        cast(summed.second_count as bigint) as second_count,
        cast(summed.first_sum as decimal(38, 18)) as first_sum,
        cast(summed.second_sum as decimal(38, 18)) as second_sum,
        cast(summed.first_sum - summed.second_sum as decimal(38, 18)) as residual,
        summed.first_sum = summed.second_sum or summed.inner_residual = 0 as agrees
    from summed

)

select * from final
