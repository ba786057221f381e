{#
    The newest version of each record of a raw table, with `asked_at` and `loaded_at` beside it, and
    `asked_scope` where wanted: what the stream was asked by, which some records do not say.

    Raw keeps every version of a record (a pending withdrawal, then the completed one). The one
    whose receipt was asked last is the newest. Only the few records with several versions are
    ranked, and on their keys alone, so the records themselves are read once and never sorted.
    Receipts are many more than one table's rows need: only those that brought its rows are looked at.

    In an incremental run only rows of loads not yet seen are read, and a row replaces a stored
    one only when it is not older.
    Rows of a load that was cut off are facts too, and are read again until their load completes.

    Where a file brought a version of a record, the order of loads says nothing. There all versions
    of the record are compared (also in an incremental run): one with a time is before one
    without, a final one before one that can still change, one with more fields that have a value
    before one with fewer; only then counts which was read last.
#}
{% macro newest_versions(exchange, table, with_scope=false) -%}
    {%- set raw = raw_table(exchange, table) -%}
    {%- set is_growing = execute and is_incremental() -%}
    {%- set has_files = has_file_rows(exchange, table) -%}
    with {% if has_files and is_growing -%}
    touched as (

        select distinct account_id, record_id
        from {{ raw }}
        {{ of_new_loads(exchange, raw) }}

    ),

    {% endif -%}
    taken as (

        select * from {{ raw }}
        {%- if has_files and is_growing %}
        semi join touched using (account_id, record_id)
        {%- else %}
        {{ of_new_loads(exchange, raw) }}
        {%- endif %}

    ),

    asked as (

        select
            receipt_id,
            max(asked_at) as asked_at
            {%- if has_files %},
            max(case origin when 'file' then taken_at else asked_at end) as read_at
            {%- endif %}
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

    {% if has_files -%}
    final_words as (

        select
            arg_max(nullif(status_field, ''), recorded_at) as status_field,
            from_json(arg_max(final_statuses, recorded_at), '["VARCHAR"]') as final_statuses
        from {{ raw_table(exchange, 'stream_specs') }}
        where stream = '{{ table }}'

    ),

    judged as (

        select
            taken.account_id,
            taken.record_id,
            taken.record_hash,
            taken.receipt_id,
            taken.occurred_at,
            taken._dlt_load_id,
            bool_or(taken.origin = 'file') over (
                partition by taken.account_id, taken.record_id
            ) as is_in_file,
            final_words.status_field is null
            or coalesce(
                list_contains(
                    final_words.final_statuses,
                    {{ value_of('taken.record', 'final_words.status_field') }}
                ),
                false
            ) as is_final,
            len(list_filter(
                json_extract_string(taken.record, '$.*'),
                lambda value: value is not null and value != ''
            )) as value_count
        from taken
        inner join with_several_versions using (account_id, record_id)
        cross join final_words

    ),

    older_versions as (

        select
            judged.account_id,
            judged.record_id,
            judged.record_hash
        from judged
        left join asked on judged.receipt_id = asked.receipt_id
        qualify judged.record_hash <> first_value(judged.record_hash) over (
            partition by judged.account_id, judged.record_id
            order by
                (judged.is_in_file and judged.occurred_at is not null) desc,
                (judged.is_in_file and judged.is_final) desc,
                case when judged.is_in_file then judged.value_count end desc nulls last,
                asked.read_at desc nulls last,
                judged.occurred_at desc nulls last,
                judged._dlt_load_id desc nulls last,
                judged.record_hash
        )

    )
    {%- else -%}
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
    {%- endif %}

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
    {%- if is_growing and not has_files %}
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

{# Whether an imported file holds records of a stream. #}
{% macro has_file_rows(exchange, table) -%}
    {%- set held = source(exchange, 'file_rows') -%}
    {%- if not execute or held.is_cte or not raw_table_exists(held) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set kept = 'streams_in_files_' ~ exchange -%}
    {%- if kept not in graph -%}
        {%- set found = run_query("select distinct stream from " ~ held) -%}
        {%- do graph.update({kept: found.columns[0].values() | list}) -%}
    {%- endif -%}
    {{ return(table in graph[kept]) }}
{%- endmacro %}

{#
    Keeps the rows of a raw table to the loads that an incremental model has not read to their end.
    The loads are found by reading one column, and the join then skips the blocks of all others.
    `of_exchange`: the condition that keeps a model of several exchanges to this one.
#}
{% macro of_new_loads(exchange, relation, of_exchange='true') -%}
    {%- if execute and is_incremental() -%}
    semi join (
        select _dlt_load_id from {{ relation }}

        except

        select load_id from {{ raw_table(exchange, '_dlt_loads') }}
        where
            status = 0
            and inserted_at <= (select max(loaded_at) from {{ this }} where {{ of_exchange }})
    ) as new_loads using (_dlt_load_id)
    {%- endif -%}
{%- endmacro %}

{# The rows of a snapshot or of reference data, with the value that each was requested by. #}
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
