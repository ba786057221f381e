{#
    A raw table, or an empty one of the same shape if it does not exist: an exchange without an account
    has no raw schema, and its models are empty.
#}
{% macro raw_table(exchange, table) -%}
    {%- set relation = source(exchange, table) -%}
    {%- if not execute or relation.is_cte or raw_table_exists(relation) -%}
        {{ relation }}
    {%- else -%}
        (
            select
                {%- for name, type in raw_columns(table).items() %}
                cast(null as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
                {%- endfor %}
            where false
        )
    {%- endif -%}
{%- endmacro %}

{#
    Whether the database has a raw table. It is queried once in a run and kept in dbt's graph: a query
    for each model costs seconds, and dbt's own list of relations is incomplete while threads fill it.
#}
{% macro raw_table_exists(relation) -%}
    {%- if 'raw_tables' not in graph -%}
        {%- set found = run_query(
            "select concat_ws('.', schema_name, table_name) from duckdb_tables() "
            "where starts_with(schema_name, 'raw_')"
        ) -%}
        {%- do graph.update({'raw_tables': found.columns[0].values() | list}) -%}
    {%- endif -%}
    {{ return(relation.schema ~ '.' ~ relation.identifier in graph['raw_tables']) }}
{%- endmacro %}

{# The columns the load writes, by raw table. Every stream's table has the shape of `rows`. #}
{% macro raw_columns(table) -%}
    {%- set shapes = {
        'rows': {
            'account_id': 'varchar', 'record_id': 'varchar', 'record_hash': 'varchar',
            'occurred_at': 'timestamptz', 'record': 'json', 'receipt_id': 'varchar',
            'origin': 'varchar', '_dlt_load_id': 'varchar',
        },
        'receipts': {
            'receipt_id': 'varchar', 'account_id': 'varchar', 'stream': 'varchar',
            'scope': 'varchar', 'asked_from': 'timestamptz', 'asked_to': 'timestamptz',
            'floor_at': 'timestamptz', 'floor_reason': 'varchar', 'outcome': 'varchar',
            'rows': 'bigint', 'pages': 'bigint', 'skipped': 'bigint',
            'oldest_at': 'timestamptz', 'newest_at': 'timestamptz', 'held_from': 'timestamptz',
            'asked_at': 'timestamptz', 'finished_at': 'timestamptz', 'error_kind': 'varchar',
            'error_text': 'varchar', 'origin': 'varchar', 'file_sha256': 'varchar',
            'file_name': 'varchar', 'taken_at': 'timestamptz', 'account_evidence': 'varchar',
            'file_format': 'varchar', '_dlt_load_id': 'varchar',
        },
        'accounts': {
            'account_id': 'varchar', 'exchange': 'varchar', 'label': 'varchar', 'uid': 'varchar',
            'parent_uid': 'varchar', 'account_kind': 'varchar', 'opened_at': 'timestamptz',
            'opened_at_evidence': 'varchar', 'can_trade': 'boolean', 'can_withdraw': 'boolean',
            'permissions': 'varchar', 'key_fingerprint': 'varchar',
            'key_created_at': 'timestamptz', 'key_expires_at': 'timestamptz',
            'ip_allow_list': 'varchar', 'checked_at': 'timestamptz', 'clock_skew_ms': 'bigint',
            'origin': 'varchar', '_dlt_load_id': 'varchar',
        },
        'balances': {
            'account_id': 'varchar', 'stream': 'varchar', 'wallet': 'varchar',
            'asset': 'varchar', 'record_id': 'varchar', 'taken_at': 'timestamptz',
            'record': 'json', 'record_hash': 'varchar', 'receipt_id': 'varchar',
            'origin': 'varchar', '_dlt_load_id': 'varchar',
        },
        'vanished': {
            'account_id': 'varchar', 'stream': 'varchar', 'scope': 'varchar',
            'record_id': 'varchar', 'record_hash': 'varchar', 'occurred_at': 'timestamptz',
            'receipt_id': 'varchar', 'is_served': 'boolean', 'noticed_at': 'timestamptz',
            'origin': 'varchar', '_dlt_load_id': 'varchar',
        },
        'file_rows': {
            'account_id': 'varchar', 'stream': 'varchar', 'receipt_id': 'varchar',
            'record_id': 'varchar', 'record_hash': 'varchar', 'occurred_at': 'timestamptz',
            '_dlt_load_id': 'varchar',
        },
        'file_states': {
            'account_id': 'varchar', 'stream': 'varchar', 'receipt_id': 'varchar',
            'record_id': 'varchar', 'record_hash': 'varchar', 'occurred_at': 'timestamptz',
            'record': 'json', 'is_whole': 'boolean', '_dlt_load_id': 'varchar',
        },
        'stream_specs': {
            'exchange': 'varchar', 'stream': 'varchar', 'method': 'varchar', 'path': 'varchar',
            'kind': 'varchar', 'entities': 'varchar', 'part_of': 'varchar', 'fields': 'varchar',
            'key_fields': 'varchar', 'time_field': 'varchar',
            'status_field': 'varchar', 'final_statuses': 'varchar', 'wallet': 'varchar',
            'balance_kind': 'varchar', 'asset_field': 'varchar', 'amount_field': 'varchar',
            'compared_with': 'varchar',
            'scope': 'varchar', 'private': 'boolean', 'needs_right': 'varchar',
            'account_kinds': 'varchar', 'time_filter': 'boolean', 'retention_kind': 'varchar',
            'retention_seconds': 'bigint', 'max_window_seconds': 'bigint',
            'overlap_seconds': 'bigint', 'page_size': 'bigint',
            'newest_rows': 'bigint', 'rate_requests': 'bigint', 'rate_seconds': 'double', 'affects': 'varchar',
            'remedy': 'varchar', 'remedy_is_file': 'boolean',
            'reason': 'varchar', 'docs_url': 'varchar', 'checked_on': 'date', 'confidence': 'varchar',
            'exchange_title': 'varchar', 'lifecycle': 'varchar', 'ends_at': 'timestamptz',
            'site_format': 'varchar', 'spec_hash': 'varchar', 'version_hash': 'varchar', 'recorded_at': 'timestamptz', '_dlt_load_id': 'varchar',
        },
        'dismissals': {
            'finding_id': 'varchar', 'reason': 'varchar', 'dismissed_by': 'varchar',
            'dismissed_on': 'date', 'line': 'bigint',
        },
        'declared_accounts': {
            'label': 'varchar', 'exchange': 'varchar', 'is_declared': 'boolean',
            'last_error': 'varchar', 'last_error_at': 'timestamptz', 'retired_at': 'timestamptz',
        },
        'asset_renames': {
            'exchange': 'varchar', 'from_asset': 'varchar', 'to_asset': 'varchar',
            'ratio': 'varchar', 'changed_from': 'timestamptz', 'changed_until': 'timestamptz',
            'kind': 'varchar', 'source': 'varchar', 'line': 'bigint',
        },
        'site_overlaps': {
            'account_id': 'varchar', 'stream': 'varchar', 'receipt_id': 'varchar',
            'file_name': 'varchar', 'span_start': 'timestamptz', 'span_end': 'timestamptz',
            'file_count': 'bigint', 'api_count': 'bigint', 'only_in_file': 'bigint',
            'only_in_api': 'bigint', 'differences': 'varchar', '_dlt_load_id': 'varchar',
        },
        '_dlt_loads': {
            'load_id': 'varchar', 'schema_name': 'varchar', 'status': 'bigint',
            'inserted_at': 'timestamptz', 'schema_version_hash': 'varchar',
        },
    } -%}
    {{ return(shapes.get(table, shapes['rows'])) }}
{%- endmacro %}

{# The tables of records that exist, as (exchange, stream, relation), found in the sources. #}
{% macro record_tables() -%}
    {%- set auxiliary = var('raw_tables') | map(attribute='name') | list -%}
    {%- set tables = [] -%}
    {%- if execute -%}
        {%- for node in graph.sources.values() if node.source_name in exchanges_in_use() -%}
            {%- set relation = api.Relation.create(database=node.database, schema=node.schema, identifier=node.identifier) -%}
            {%- if node.name not in auxiliary and raw_table_exists(relation) -%}
                {%- do tables.append((node.source_name, node.name, relation.include(database=false))) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(tables) }}
{%- endmacro %}

{# The named columns of one raw table in every exchange, with the exchange. #}
{% macro union_raw(table, columns=none) -%}
    {%- for exchange in exchanges_in_use() %}
    {%- set present = raw_columns_present(exchange, table) %}
    select
        '{{ exchange }}' as exchange,
        {%- for name, type in raw_columns(table).items() if name != 'exchange' %}
        cast({{ adapter.quote(name) if name in present else 'null' }} as {{ type }}) as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ raw_table(exchange, table) }}
    {{ 'union all' if not loop.last }}
    {%- else %}
    select
        cast(null as varchar) as exchange,
        {%- for name, type in raw_columns(table).items() if name != 'exchange' %}
        cast(null as {{ type }}) as {{ adapter.quote(name) }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
    {%- endfor %}
{%- endmacro %}

{# The columns that are there: a table written by an older release lacks the newer ones. #}
{% macro raw_columns_present(exchange, table) -%}
    {%- set relation = source(exchange, table) -%}
    {%- if not execute or relation.is_cte or not raw_table_exists(relation) -%}
        {{ return(raw_columns(table).keys() | list) }}
    {%- endif -%}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | list) }}
{%- endmacro %}
