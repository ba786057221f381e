{#
    Base models: the rows of one raw table, each record opened into the columns that the exchange's
    `_<exchange>__base.yml` declares. A model's SQL is one call; the file is called
    `base_<exchange>__<stream>`. A column's `config.meta` says where it comes from:

    - `field`: the record's own name of it, or several, of which the first that is set counts; the
      column's name where it is not given. `inside`: the field it is nested in (an object, or a list
      of which the first item counts).
    - `type`: text (default), upper, lower, amount, minor (whole minor units), number, int, bool, ms,
      iso, json; `object`: the text of a flat object, whose own fields may be called as the record's;
      `scope`: what the stream was requested by, where records do not say. A `number` is for reading
      only: it is an amount that no test guards.

    Beside those every base model has: `account_id`, `record_id`, `origin`, `receipt_id`,
    `occurred_at` (as the raw row has them), `load_id`, `unreadable_amounts` (where it has amounts),
    and in a history `asked_at` and `loaded_at`.
#}

{# The records of a stream that grows, each in its newest version. #}
{% macro base_history() -%}
    {{ config(incremental_strategy='delete+insert', unique_key=['account_id', 'record_id'], on_schema_change='fail') }}
    {%- set exchange, stream = base_model_parts() -%}
    {%- set columns = declared_columns() -%}
    {%- set rows = newest_versions(exchange, stream, with_scope=has_scope(columns)) -%}
    {{ base_rows(rows, columns, ['asked_at', 'loaded_at']) }}
{%- endmacro %}

{# The records of a stream that tells how things are now: balances, positions, public lists. #}
{% macro base_state() -%}
    {%- set exchange, stream = base_model_parts() -%}
    {%- set columns = declared_columns() -%}
    {%- set receipts = raw_table(exchange, 'receipts') -%}
    {%- set rows -%}
        {%- if has_scope(columns) -%}
            {{ rows_with_scope(exchange, stream) }}
        {%- else -%}
            select * from {{ raw_table(exchange, stream) }}
        {%- endif -%}
    {%- endset -%}
    {{ base_rows(rows, columns) }}
{%- endmacro %}

{# The exchange and the stream in the model's name. #}
{% macro base_model_parts() -%}
    {{ return(modules.re.fullmatch('base_([a-z0-9]+)__(\w+)', model.name).groups()) }}
{%- endmacro %}

{# The columns a base model declares, as {name, type, fields, inside}. Known once dbt executes. #}
{% macro declared_columns() -%}
    {%- set found = [] -%}
    {%- for column in (model.columns or {}).values() if execute -%}
        {%- set meta = column.config.meta -%}
        {%- set field = meta.get('field', column.name) -%}
        {%- do found.append({
            'name': column.name,
            'type': meta.get('type', 'text'),
            'fields': [field] if field is string else field,
            'inside': meta.get('inside'),
        }) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro has_scope(columns) -%}
    {{ return('scope' in columns | map(attribute='type')) }}
{%- endmacro %}

{# The select of a base model: `rows` of a raw table, opened and typed as `columns` declare. #}
{% macro base_rows(rows, columns, times=()) -%}
    {%- set exact = ['amount', 'minor'] -%}
    {%- set is_nested = model.config.meta.get('is_nested', false) -%}
    {%- set fields, numbers, objects, amounts = [], [], [], [] -%}
    {%- for column in columns if column.type != 'scope' -%}
        {%- do fields.extend([column.inside] if column.inside else column.fields) -%}
        {%- if column.type in exact + ['number'] and not column.inside and not is_nested -%}
            {%- do numbers.extend(column.fields) -%}
        {%- endif -%}
        {%- do objects.append(column.fields[0]) if column.type == 'object' -%}
        {%- do amounts.append(column) if column.type in exact -%}
    {%- endfor -%}
with source as (

    {{ rows }}

),

opened as (

    {{ open_records(fields | unique | list, numbers, objects) }}

),

typed_from as (

    select
        *
        {%- for column in columns if column.inside %},
        {{ nested_text(column) }} as "{{ column.name }}_text"
        {%- endfor %}
    from opened

)

select
    account_id,
    record_id,
    {%- for column in columns %}
    {{ typed_column(column, numbers) }} as {{ column.name }},
    {%- endfor %}
    {%- if amounts %}
    nullif(concat_ws(', '
        {%- for column in amounts %},
        case
            when {{ column_text(column, numbers) }} is not null and {{ typed_column(column, numbers) }} is null
                then '{{ column.fields[0] }}=' || {{ column_text(column, numbers) }}
        end
        {%- endfor %}
    ), '') as unreadable_amounts,
    {%- endif %}
    origin,
    receipt_id,
    occurred_at,
    {%- for time in times %}
    {{ time }},
    {%- endfor %}
    _dlt_load_id as load_id
from typed_from
{%- endmacro %}

{# What an opened record has in a column's field, as text; absent, null and '' are all null. #}
{% macro column_text(column, numbers) -%}
    {%- set texts = [] -%}
    {%- for field in column.fields -%}
        {%- do texts.append(number_field(field) if field in numbers else text_field(field)) -%}
    {%- endfor -%}
    {{ return(number_field(column.name) if column.inside else first_of(texts)) }}
{%- endmacro %}

{# The same of a field inside another one. #}
{% macro nested_text(column) -%}
    {%- set texts = [] -%}
    {%- for field in column.fields -%}
        {%- for place in ('$.', '$[0].') -%}
            {%- do texts.append(
                "nullif(try_cast(" ~ text_field(column.inside) ~ " as json) ->> '" ~ place ~ field ~ "', '')"
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(first_of(texts)) }}
{%- endmacro %}

{% macro first_of(texts) -%}
    {{ return(texts[0] if texts | length == 1 else 'coalesce(' ~ texts | join(', ') ~ ')') }}
{%- endmacro %}

{% macro typed_column(column, numbers) -%}
    {%- if column.type == 'scope' -%}
        asked_scope
    {%- else -%}
        {%- set text = column_text(column, numbers) -%}
        {%- if column.type == 'text' -%} {{ text }}
        {%- elif column.type == 'object' -%} {{ object_field(column.fields[0]) }}
        {%- elif column.type == 'upper' or column.type == 'lower' -%} {{ column.type }}({{ text }})
        {%- elif column.type == 'amount' or column.type == 'number' -%} {{ amount(text) }}
        {%- elif column.type == 'minor' -%} {{ minor_units(text) }}
        {%- elif column.type == 'int' -%} try_cast({{ text }} as bigint)
        {%- elif column.type == 'bool' -%} try_cast({{ text }} as boolean)
        {%- elif column.type == 'ms' -%} {{ millis_to_utc(text) }}
        {%- elif column.type == 'iso' -%} {{ iso_to_utc(text) }}
        {%- elif column.type == 'json' -%} cast({{ text }} as json)
        {%- else -%}
            {{ exceptions.raise_compiler_error(model.name ~ '.' ~ column.name ~ ": no type is called '" ~ column.type ~ "'") }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
