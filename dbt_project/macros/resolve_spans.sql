{#
    Which claim holds at each instant, where claims overlap: the one of the highest precedence.

    `claims` is a relation with the columns `keys`, span_start, span_end (half-open, not empty)
    and precedence (unique within the keys). One row comes out for each stretch between two
    neighbouring edges that some claim covers: keys, span_start, span_end, precedence.

    Joining stretches with the claims that cover them would be quadratic: an hourly sync with a
    day of overlap has thousands of overlapping claims. So a segment tree: a claim is noted on the
    few blocks of 2^level stretches that make it up (at most two a level), each block keeps its
    highest, and a stretch looks up the one block of each level it lies in. That is n log n.
#}
{% macro resolve_spans(claims, keys) -%}
    {%- set keys = keys | join(', ') -%}
    with edges as (

        select
            {{ keys }},
            edge_at,
            row_number() over (partition by {{ keys }} order by edge_at) - 1 as place,
            lead(edge_at) over (partition by {{ keys }} order by edge_at) as next_edge_at
        from (
            select {{ keys }}, span_start as edge_at from {{ claims }}
            union
            select {{ keys }}, span_end as edge_at from {{ claims }}
        )

    ),

    levels as (

        select unnest(range(0, 31)) as level

    ),

    -- A claim as the half-open range of places it covers.
    placed as (

        select
            {{ keys }},
            claims.precedence,
            first_edge.place as first_place,
            last_edge.place as end_place
        from {{ claims }} as claims
        inner join (select {{ keys }}, edge_at as span_start, place from edges) as first_edge
            using ({{ keys }}, span_start)
        inner join (select {{ keys }}, edge_at as span_end, place from edges) as last_edge
            using ({{ keys }}, span_end)

    ),

    -- At each level, the blocks between which a part of the claim is not yet noted.
    levelled as (

        select
            {{ keys }},
            precedence,
            level,
            (first_place + (1::bigint << level) - 1) >> level as first_block,
            end_place >> level as end_block
        from placed
        inner join levels on (1::bigint << levels.level) <= placed.end_place - placed.first_place

    ),

    -- A block whose sibling lies outside cannot be stated as part of a larger one: it is noted here.
    noted as (

        select {{ keys }}, level, first_block as block, precedence
        from levelled
        where first_block < end_block and first_block % 2 = 1

        union all

        select {{ keys }}, level, end_block - 1 as block, precedence
        from levelled
        where first_block < end_block and end_block % 2 = 1

    ),

    blocks as (

        select {{ keys }}, level, block, max(precedence) as precedence
        from noted
        group by {{ keys }}, level, block

    ),

    used_levels as (

        select distinct {{ keys }}, level from blocks

    ),

    looked_up as (

        select
            {{ keys }},
            edge_at as span_start,
            next_edge_at as span_end,
            level,
            place >> level as block
        from edges
        inner join used_levels using ({{ keys }})
        where next_edge_at is not null

    )

    select
        {{ keys }},
        span_start,
        span_end,
        max(precedence) as precedence
    from looked_up
    inner join blocks using ({{ keys }}, level, block)
    group by {{ keys }}, span_start, span_end
{%- endmacro %}
