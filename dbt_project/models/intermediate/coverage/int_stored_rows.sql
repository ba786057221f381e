{#-
    How many rows each account has in each raw table, every version of a record counted. The
    tables are found in the list of sources, so a new exchange or stream is counted by itself.
-#}
{%- set tables = record_tables() -%}

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
