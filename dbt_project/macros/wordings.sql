{#
    A text of the seed `wordings` with its placeholders filled. `{name}` stands for the column
    `name`. `|` separates parts of the text: a part with a placeholder whose value is null is left
    out.
#}
{% macro fill_in(text, columns) -%}
    {%- set filled = namespace(part='part') -%}
    {%- for column in columns -%}
        {%- set filled.part
            = "replace(" ~ filled.part ~ ", '{" ~ column.rpartition('.')[2] ~ "}', coalesce(cast("
            ~ column ~ " as varchar), chr(1)))" -%}
    {%- endfor -%}
    array_to_string(
        list_filter(
            list_transform(string_split({{ text }}, '|'), lambda part: {{ filled.part }}),
            lambda part: not contains(part, chr(1))
        ),
        ''
    )
{%- endmacro %}

{# The code of the step that reads an account by its API: one known from files alone has no key yet. #}
{% macro sync_step_code(origin) -%}
    case when {{ origin }} is not distinct from 'file' then 'connect_and_sync' else 'sync' end
{%- endmacro %}
