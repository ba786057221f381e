{#
    Relations without the name of the database, which is that of the file: what is published is a
    copy of another name, and views that named the first would not open in it.
#}
{% macro ref() -%}
    {{ return(builtins.ref(*varargs, **kwargs).include(database=false)) }}
{%- endmacro %}

{% macro source() -%}
    {{ return(builtins.source(*varargs, **kwargs).include(database=false)) }}
{%- endmacro %}

{# Words as SQL text, with commas between them. #}
{% macro quoted(words) -%}
    {%- for word in words -%}'{{ word }}'{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}
