{#-
    The raw rows, every version, of the streams and accounts that a file was imported for, with their
    asset and amount where the stream's spec names the fields. The streams are found in
    the warehouse: without imports there is nothing to read.
-#}
{%- set tables = [] -%}
{%- if execute -%}
    {%- for exchange in exchanges_in_use() -%}
        {%- set held = source(exchange, 'file_rows') -%}
        {%- if raw_table_exists(held) -%}
            {%- set found = run_query('select distinct stream from ' ~ held ~ ' order by stream') -%}
            {%- for stream in found.columns[0].values() -%}
                {%- do tables.append((exchange, stream)) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
{%- endif -%}

with file_rows as (

    select * from {{ ref('int_file_rows_unioned') }}

),

specs as (

    select * from {{ ref('int_stream_specs_unioned') }}
    where is_current

),

records as (

    {% for exchange, stream in tables -%}
    select
        account_id,
        '{{ exchange }}' as exchange,
        '{{ stream }}' as stream,
        record_id,
        record_hash,
        occurred_at,
        origin,
        receipt_id,
        record
    from {{ adapter.get_relation(this.database, 'raw_' ~ exchange, stream).include(database=false) }}
    where account_id in (
        select account_id from file_rows
        where exchange = '{{ exchange }}' and stream = '{{ stream }}'
    )

    {{ 'union all' if not loop.last }}
    {% else -%}
    select
        cast(null as varchar) as account_id,
        cast(null as varchar) as exchange,
        cast(null as varchar) as stream,
        cast(null as varchar) as record_id,
        cast(null as varchar) as record_hash,
        cast(null as timestamptz) as occurred_at,
        cast(null as varchar) as origin,
        cast(null as varchar) as receipt_id,
        cast(null as json) as record
    where false
    {%- endfor %}

),

opened as (

    select
        records.*,
        nullif(records.record ->> ('$.' || specs.asset_field), '') as asset,
        nullif(records.record ->> ('$.' || specs.amount_field), '') as amount_text
    from records
    left join specs on records.exchange = specs.exchange and records.stream = specs.stream

),

typed as (

    select
        * exclude (amount_text),
        {{ amount('amount_text') }} as amount
    from opened

)

select * from typed
