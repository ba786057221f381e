{# The values of placeholders, by name, as the column `words` of a model. #}
{% macro words(values) -%}
    map {
        {%- for name, value in values.items() %}
        '{{ name }}': cast({{ value }} as varchar){{ ',' if not loop.last }}
        {%- endfor %}
    }
{%- endmacro %}

{#
    A text of the seed `wordings` with its placeholders filled. `values` are columns, each of which
    fills the placeholder of its name, or one map of names and values (macro `words`). `|` separates
    parts of the text: a part with a placeholder whose value is null is left out.
#}
{% macro fill_in(text, values) -%}
    {%- if values is not string -%}
        {%- set by_name = {} -%}
        {%- for column in values -%}
            {%- do by_name.update({column.rpartition('.')[2]: column}) -%}
        {%- endfor -%}
        {%- set values = words(by_name) -%}
    {%- endif -%}
    array_to_string(
        list_filter(
            list_transform(string_split({{ text }}, '|'), lambda part: array_to_string(
                list_transform(string_split_regex(part, '[{}]'), lambda piece, place:
                    case place % 2 when 1 then piece else coalesce({{ values }}[piece], chr(1)) end
                ),
                ''
            )),
            lambda part: not contains(part, chr(1))
        ),
        ''
    )
{%- endmacro %}

{# The code of the step that reads an account by its API: one known from files alone has no key yet. #}
{% macro sync_step_code(origin) -%}
    case when {{ origin }} is not distinct from 'file' then 'connect_and_sync' else 'sync' end
{%- endmacro %}
