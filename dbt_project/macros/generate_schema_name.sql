{#
    Schema names are exactly what the project says: base, staging, intermediate, marts. Models of an
    exchange lie in one folder, and their prefix tells the layer.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set layers = {'base': 'base', 'stg': 'staging', 'int': 'intermediate'} -%}
    {{ (custom_schema_name or layers.get(node.name.split('_')[0]) or target.schema) | trim }}
{%- endmacro %}
