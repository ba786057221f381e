{#
    The newest version of each record of a raw table, with `asked_at` and `loaded_at` beside it, and
    `asked_scope` where wanted: what the stream was asked by, which some records do not say.

    Raw keeps every version of a record (a pending withdrawal, then the completed one). The one
    whose receipt was asked last is the newest. Only the few records with several versions are
    ranked, and on their keys alone, so the records themselves are read once and never sorted.
    Receipts are many more than one table's rows need: only those that brought its rows are looked at.

    In an incremental run only rows of loads not yet seen are read, and a row replaces a stored
    one only when it is not older: a file of old answers imported today changes nothing newer.
    Rows of a load that was cut off are facts too, and are read again until their load completes.
#}
{% macro newest_versions(exchange, table, with_scope=false) -%}
    {%- set raw = raw_table(exchange, table) -%}
    {%- set loads = loads_to_take(exchange, table) -%}
    with taken as (

        select * from {{ raw }}
        {%- if loads is not none %}
        where
            _dlt_load_id is null
            {%- if loads %}
            or _dlt_load_id in ({% for load in loads %}'{{ load }}'{{ ', ' if not loop.last }}{% endfor %})
            {%- endif %}
        {%- endif %}

    ),

    asked as (

        select
            receipt_id,
            max(asked_at) as asked_at
            {%- if with_scope %},
            max(scope) as asked_scope
            {%- endif %}
        from {{ raw_table(exchange, 'receipts') }}
        semi join taken using (receipt_id)
        group by receipt_id

    ),

    loaded as (

        select
            load_id,
            max(inserted_at) as loaded_at
        from {{ raw_table(exchange, '_dlt_loads') }}
        where status = 0
        group by load_id

    ),

    with_several_versions as (

        select
            account_id,
            record_id
        from taken
        group by account_id, record_id
        having count(*) > 1

    ),

    older_versions as (

        select
            taken.account_id,
            taken.record_id,
            taken.record_hash
        from taken
        inner join with_several_versions using (account_id, record_id)
        left join asked on taken.receipt_id = asked.receipt_id
        qualify taken.record_hash <> first_value(taken.record_hash) over (
            partition by taken.account_id, taken.record_id
            order by
                asked.asked_at desc nulls last,
                taken.occurred_at desc nulls last,
                taken._dlt_load_id desc nulls last,
                taken.record_hash
        )

    )

    select
        taken.*,
        asked.asked_at,
        {%- if with_scope %}
        asked.asked_scope,
        {%- endif %}
        loaded.loaded_at
    from taken
    anti join older_versions using (account_id, record_id, record_hash)
    left join asked on taken.receipt_id = asked.receipt_id
    left join loaded on taken._dlt_load_id = loaded.load_id
    {%- if loads is not none %}
    left join {{ this }} as stored
        on taken.account_id = stored.account_id and taken.record_id = stored.record_id
    where
        stored.record_id is null
        or stored.asked_at is null
        or (
            coalesce(asked.asked_at, '-infinity'), coalesce(taken.occurred_at, '-infinity'),
            coalesce(taken._dlt_load_id, '')
        ) >= (
            stored.asked_at, coalesce(stored.occurred_at, '-infinity'),
            coalesce(stored.load_id, '')
        )
    {%- endif %}
{%- endmacro %}

{# None when everything is to be read, else the loads this model has not (wholly) read yet. #}
{% macro loads_to_take(exchange, table) -%}
    {%- if not execute or not is_incremental() -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set found = run_query(
        "select distinct 'load ' || rows._dlt_load_id from " ~ raw_table(exchange, table) ~ " as rows "
        "left join " ~ raw_table(exchange, '_dlt_loads') ~ " as loads "
        "on rows._dlt_load_id = loads.load_id and loads.status = 0 "
        "where loads.load_id is null or loads.inserted_at > coalesce("
        "(select max(loaded_at) from " ~ this ~ "), '-infinity'::timestamptz)"
    ) -%}
    {#- A load id looks like a number and would come back as one, but for the word before it. -#}
    {%- set taken = [] -%}
    {%- for value in found.columns[0].values() if value is not none -%}
        {%- do taken.append(value[5:]) -%}
    {%- endfor -%}
    {{ return(taken) }}
{%- endmacro %}

{# The rows of a snapshot or of reference data, with what each was asked by. #}
{% macro rows_with_scope(exchange, table) -%}
    select
        rows.*,
        receipts.asked_scope
    from {{ raw_table(exchange, table) }} as rows
    left join (
        select
            receipt_id,
            max(scope) as asked_scope
        from {{ raw_table(exchange, 'receipts') }}
        semi join {{ raw_table(exchange, table) }} using (receipt_id)
        group by receipt_id
    ) as receipts on rows.receipt_id = receipts.receipt_id
{%- endmacro %}
