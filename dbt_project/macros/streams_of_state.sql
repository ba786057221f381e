{#
    The streams whose tables hold a state and not a history, as 'exchange/stream': what they hold
    is replaced row by row. Known from the limits, once those are there.
#}
{% macro streams_of_state() -%}
    {%- set specs = ref('int_stream_specs_unioned') -%}
    {%- set found = [] -%}
    {%- if execute and adapter.get_relation(specs.database, specs.schema, specs.identifier) -%}
        {%- set rows = run_query(
            "select exchange || '/' || stream from " ~ specs
            ~ " where is_current and kind in ('snapshot', 'reference')"
        ) -%}
        {%- do found.extend(rows.columns[0].values()) -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
