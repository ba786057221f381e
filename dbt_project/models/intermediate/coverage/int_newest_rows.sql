{#-
    The rows of the streams that give their newest so many and no more, a record once however often
    it changed: what such a limit can be reckoned from.
-#}
{%- set tables = count_limited_tables() -%}

with records as (

    {% for exchange, stream, relation in tables -%}
    select
        account_id,
        '{{ exchange }}' as exchange,
        '{{ stream }}' as stream,
        record_id,
        min(occurred_at) as occurred_at
    from {{ relation }}
    group by account_id, record_id

    {{ 'union all' if not loop.last }}
    {% else -%}
    select
        cast(null as varchar) as account_id,
        cast(null as varchar) as exchange,
        cast(null as varchar) as stream,
        cast(null as varchar) as record_id,
        cast(null as timestamptz) as occurred_at
    where false
    {%- endfor %}

)

select * from records
where occurred_at is not null
