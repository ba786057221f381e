{# The entities that each stream of the relation `specs` contains: whole, or a part of them. #}
{% macro entities_of(specs) -%}
    {%- for declared, is_whole in [('entities', 'true'), ('part_of', 'false')] %}
    select
        exchange,
        stream,
        wallet,
        ended_at,
        unnest(from_json(coalesce({{ declared }}, '[]'), '["VARCHAR"]')) as entity,
        {{ is_whole }} as is_whole
    from {{ specs }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
