{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='inexact_amount_id',
        on_schema_change='fail',
        pre_hook="{% if is_incremental() %}delete from {{ this }} where is_state{% endif %}"
    )
}}

{#-
    Numbers in records that decimal(38, 18) cannot hold to the last digit: more than 18 digits after
    the point that are not zeros, more than 20 before it, or an exponent beyond that. Found in the
    records' own text, whether a model reads the field or not. Read load by load, as `int_record_shapes`.
-#}
{%- set states = streams_of_state() -%}
{%- set long_fraction = '-?[0-9]*[.][0-9]{18}[0-9]*[1-9][0-9]*' -%}
{%- set long_whole = '-?[0-9]{21,}[.][0-9]+' -%}
{%- set exponent = '-?[0-9]+(?:[.][0-9]+)?[eE](?:[+]?(?:[2-9][0-9]|[0-9]{3,})|-(?:19|[2-9][0-9]|[0-9]{3,}))' -%}
{%- set named = '"[^"]+"[[:space:]]*:[[:space:]]*(?:"?(?:' ~ long_fraction ~ '|' ~ long_whole ~ ')"?|' ~ exponent ~ ')[[:space:]]*[]},]' -%}

with found as (

    {% for exchange, stream, relation in record_tables() -%}
    {%- set is_state = (exchange ~ '/' ~ stream) in states -%}
    {%- set loads = none if is_state else loads_to_take(exchange, stream) -%}
    select
        account_id,
        '{{ exchange }}' as exchange,
        '{{ stream }}' as stream,
        {{ is_state }} as is_state,
        record_id,
        record_hash,
        occurred_at,
        _dlt_load_id as load_id,
        unnest(regexp_extract_all(cast(record as varchar), '{{ named }}')) as text
    from {{ relation }}
    where
        regexp_matches(cast(record as varchar), '[0-9.]{20}|[0-9][eE]')
        {%- if loads is not none %}
        and (
            _dlt_load_id is null
            {%- if loads %}
            or _dlt_load_id in ({% for load in loads %}'{{ load }}'{{ ', ' if not loop.last }}{% endfor %})
            {%- endif %}
        )
        {%- endif %}

    union all

    {% endfor -%}
    select
        cast(null as varchar) as account_id,
        cast(null as varchar) as exchange,
        cast(null as varchar) as stream,
        cast(null as boolean) as is_state,
        cast(null as varchar) as record_id,
        cast(null as varchar) as record_hash,
        cast(null as timestamptz) as occurred_at,
        cast(null as varchar) as load_id,
        cast(null as varchar) as text
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

parted as (

    select
        *,
        regexp_extract(text, '^"([^"]+)"', 1) as field,
        trim(regexp_extract(text, ':[[:space:]]*"?([^],}"]+)', 1)) as value
    from found

),

final as (

    select
        -- keys
        md5(concat_ws('|',
            parted.exchange, parted.account_id, parted.stream, parted.record_id, parted.record_hash,
            parted.field, parted.value
        )) as inexact_amount_id,
        parted.account_id,
        parted.exchange,
        parted.stream,
        parted.record_id,

        -- the number
        parted.field,
        parted.value,
        parted.is_state,

        -- when
        parted.occurred_at,
        complete_loads.loaded_at
    from parted
    left join complete_loads
        on parted.exchange = complete_loads.exchange and parted.load_id = complete_loads.load_id
    qualify row_number() over (
        partition by
            parted.exchange, parted.account_id, parted.stream, parted.record_id,
            parted.record_hash, parted.field, parted.value
        order by parted.load_id
    ) = 1

)

select * from final
