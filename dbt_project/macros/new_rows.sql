{#
    The condition that keeps an incremental fact table to rows loaded since its last build.
    Rows whose load never completed have no `loaded_at` and are taken every time.
#}
{% macro only_new_rows(column='loaded_at') -%}
    {%- if execute and is_incremental() -%}
        {%- set newest = run_query("select epoch_us(max(loaded_at)) from " ~ this) -%}
        {%- set newest = newest.columns[0].values()[0] -%}
        {%- if newest is not none %}
    where {{ column }} is null or {{ column }} > make_timestamptz({{ newest | int }})
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#
    Exchanges that have no ledger, or no trades, of their own: theirs is put together from several
    lists and stored. There a row of one list changes, or takes away, what was made of an older row
    of another one, so when it was loaded says nothing. Known by `stg_<exchange>__<entity>` being a
    table.
#}
{% macro put_together(entity) -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
            {%- for exchange in exchanges_in_use(entity) -%}
                {%- if
                    node.name == 'stg_' ~ exchange ~ '__' ~ entity
                    and node.config.materialized == 'table'
                -%}
                    {%- do found.append(exchange) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found | sort) }}
{%- endmacro %}

{# The new rows, and the derived rows that differ from those in the incremental table. #}
{% macro and_changed_rows(entity) -%}
    {%- set exchanges = put_together(entity) -%}
    {%- if execute and is_incremental() and exchanges -%}
    union

    (
        select * from {{ ref('int_' ~ entity ~ '_unioned') }}
        where exchange in ({{ quoted(exchanges) }})

        except

        select {{ canonical_columns(entity) | join(', ') }} from {{ this }}
        where exchange in ({{ quoted(exchanges) }})
    )
    {%- endif -%}
{%- endmacro %}

{# Removes derived rows of the incremental table that are no longer derived. #}
{% macro delete_gone(entity, key) -%}
    {%- set exchanges = put_together(entity) -%}
    {%- if exchanges -%}
    delete from {{ this }}
    where
        exchange in ({{ quoted(exchanges) }})
        and {{ key }} not in (
            select {{ key }} from {{ ref('int_' ~ entity ~ '_unioned') }}
            where exchange in ({{ quoted(exchanges) }})
        )
    {%- endif -%}
{%- endmacro %}

{#
    Removes what an incremental fact table holds and no longer should: a second telling whose first
    has arrived since. `model` lists the ids; in a full build there are none to remove.
#}
{% macro delete_superseded(model, key) -%}
    delete from {{ this }} where {{ key }} in (select {{ key }} from {{ ref(model) }})
{%- endmacro %}
