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

{# The tables of the streams that return only a number of newest rows, as in `record_tables`. #}
{% macro count_limited_tables() -%}
    {%- set specs = ref('int_stream_specs_unioned') -%}
    {%- set limited, found = [], [] -%}
    {%- if execute and adapter.get_relation(specs.database, specs.schema, specs.identifier) -%}
        {%- set rows = run_query(
            "select exchange || '/' || stream from " ~ specs
            ~ " where is_current and newest_rows is not null"
        ) -%}
        {%- do limited.extend(rows.columns[0].values()) -%}
    {%- endif -%}
    {%- for exchange, stream, relation in record_tables() if exchange ~ '/' ~ stream in limited -%}
        {%- do found.append((exchange, stream, relation)) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
