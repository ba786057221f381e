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
    Removes what an incremental fact table holds and no longer should: a second telling whose first
    has arrived since. `model` lists the ids; in a full build there are none to remove.
#}
{% macro delete_superseded(model, key) -%}
    delete from {{ this }} where {{ key }} in (select {{ key }} from {{ ref(model) }})
{%- endmacro %}
