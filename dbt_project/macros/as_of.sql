{#
    "Now": the variable `as_of` where it is set, else LOOKBACK_AS_OF of the environment, else the
    moment of the run. The environment is asked when a model runs, never when it is parsed, so dbt
    need not parse again for another moment.
#}
{% macro as_of() -%}
    {%- set moment = var('as_of', none) or (execute and env_var('LOOKBACK_AS_OF', '')) -%}
    {%- if moment -%}
        cast('{{ moment }}' as timestamptz)
    {%- else -%}
        current_timestamp
    {%- endif -%}
{%- endmacro %}
