{#
    Within `keys`, spans [start, end) follow each other without a hole or an overlap, and none is
    empty. Rows come back for spans that do not end where the next one starts.
#}
{% test partitions(model, keys, start_column, end_column) %}

with spans as (

    select
        {{ keys | join(', ') }},
        {{ start_column }} as span_start,
        {{ end_column }} as span_end,
        lead({{ start_column }}) over (
            partition by {{ keys | join(', ') }} order by {{ start_column }}, {{ end_column }}
        ) as next_start
    from {{ model }}

)

select * from spans
where
    span_start is null
    or span_end is null
    or span_start >= span_end
    or next_start != span_end

{% endtest %}
