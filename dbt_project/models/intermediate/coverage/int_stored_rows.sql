{#-
    How many rows each account has in each raw table, every version of a record counted. The
    tables are found in the list of sources, so a new exchange or stream is counted by itself.
-#}
{%- set beside = [
    'receipts', 'accounts', 'balances', 'vanished', 'file_rows', 'stream_specs',
    '_dlt_loads',
] -%}
{%- set tables = [] -%}
{%- if execute -%}
    {%- for node in graph.sources.values() if node.source_name in var('exchanges') -%}
        {%- set relation = adapter.get_relation(node.database, node.schema, node.identifier) -%}
        {%- if relation and node.name not in beside -%}
            {%- do tables.append((node.source_name, node.name, relation)) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}

with counted as (

    {% for exchange, stream, relation in tables -%}
    select account_id, '{{ exchange }}' as exchange, '{{ stream }}' as stream, count(*) as row_count
    from {{ relation }}
    group by account_id

    {{ 'union all' if not loop.last }}
    {% else -%}
    select
        cast(null as varchar) as account_id,
        cast(null as varchar) as exchange,
        cast(null as varchar) as stream,
        cast(null as bigint) as row_count
    where false
    {%- endfor %}

)

select * from counted
