{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='record_shape_id',
        on_schema_change='fail',
        pre_hook="{% if is_incremental() %}delete from {{ this }} where is_state{% endif %}"
    )
}}

{#-
    The different sets of fields that records came with: millions of records have a handful.
    Every version of a record counts. A run reads the loads that are new; state (snapshots and
    reference), whose rows are replaced load by load, is small and counted anew each time.

    The same pass finds the numbers that decimal(38, 18) cannot hold: more than 18 digits after the
    point that are not zeros, more than 20 before it, or an exponent beyond that.
-#}
{%- set states = streams_of_state() -%}
{%- set long_fraction = '-?[0-9]*[.][0-9]{18}[0-9]*[1-9][0-9]*' -%}
{%- set long_whole = '-?[0-9]{21,}[.][0-9]+' -%}
{%- set exponent = '-?[0-9]+(?:[.][0-9]+)?[eE](?:[+]?(?:[2-9][0-9]|[0-9]{3,})|-(?:19|[2-9][0-9]|[0-9]{3,}))' -%}
{%- set long_number = '"[^"]+"[[:space:]]*:[[:space:]]*(?:"?(?:' ~ long_fraction ~ '|' ~ long_whole ~ ')"?|' ~ exponent ~ ')[[:space:]]*[]},]' -%}

with shapes as (

    {% for exchange, stream, relation in record_tables() -%}
    {%- set is_state = (exchange ~ '/' ~ stream) in states -%}
    select
        account_id,
        '{{ exchange }}' as exchange,
        '{{ stream }}' as stream,
        {{ is_state }} as is_state,
        _dlt_load_id as load_id,
        json_keys(record) as field_names,
        occurred_at is null as is_untimed,
        count(*) as row_count,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        min(record_id) as record_id,
        arg_min(cast(record as varchar), record_id) as record,
        list({
            'record_id': record_id,
            'record_hash': record_hash,
            'occurred_at': occurred_at,
            'texts': regexp_extract_all(cast(record as varchar), '{{ long_number }}')
        }) filter (
            where
                regexp_matches(cast(record as varchar), '[0-9.]{20}|[0-9][eE]')
                and regexp_matches(cast(record as varchar), '{{ long_number }}')
        ) as long_numbers
    from {{ relation }}
    {%- if not is_state %}
    {{ of_new_loads(exchange, relation, "exchange = '" ~ exchange ~ "'") }}
    {%- endif %}
    group by account_id, _dlt_load_id, field_names, is_untimed

    union all

    {% endfor -%}
    select
        cast(null as varchar) as account_id,
        cast(null as varchar) as exchange,
        cast(null as varchar) as stream,
        cast(null as boolean) as is_state,
        cast(null as varchar) as load_id,
        cast(null as varchar[]) as field_names,
        cast(null as boolean) as is_untimed,
        cast(null as bigint) as row_count,
        cast(null as timestamptz) as first_at,
        cast(null as timestamptz) as last_at,
        cast(null as varchar) as record_id,
        cast(null as varchar) as record,
        cast(null as struct(record_id varchar, record_hash varchar, occurred_at timestamptz, texts varchar[])[])
            as long_numbers
    where false

),

loads as (

    {{ union_raw('_dlt_loads') }}

),

complete_loads as (

    select exchange, load_id, max(inserted_at) as loaded_at
    from loads
    where status = 0
    group by exchange, load_id

),

specs as (

    select
        exchange,
        stream,
        from_json(fields, '["VARCHAR"]') as documented
    from {{ ref('int_stream_specs_unioned') }}
    where is_current and fields is not null

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            shapes.exchange, shapes.stream, shapes.account_id, shapes.load_id,
            cast(shapes.field_names as varchar), shapes.is_untimed
        )) as record_shape_id,
        shapes.account_id,
        shapes.exchange,
        shapes.stream,
        shapes.load_id,

        -- the shape
        shapes.is_state,
        shapes.field_names,
        shapes.is_untimed,

        -- one of its records, and the whole of it where there is something to show
        shapes.record_id,
        case
            when
                shapes.is_untimed
                or not list_has_all(coalesce(specs.documented, shapes.field_names), shapes.field_names)
                then shapes.record
        end as example,
        shapes.long_numbers,

        -- how many, and when
        shapes.row_count,
        shapes.first_at,
        shapes.last_at,
        complete_loads.loaded_at
    from shapes
    left join complete_loads
        on shapes.exchange = complete_loads.exchange and shapes.load_id = complete_loads.load_id
    left join specs
        on shapes.exchange = specs.exchange and shapes.stream = specs.stream

)

select * from final
