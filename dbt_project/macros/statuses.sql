{#
    An exchange's word for a status in ours, whatever its case: pending, completed, failed or
    canceled. A word that is not known is 'unclassified', and its row is kept.
#}
{% macro status_of(word, words) -%}
    case lower({{ word }})
        {%- for status, names in words.items() %}
        {%- for name in names %}
        when '{{ name }}' then '{{ status }}'
        {%- endfor %}
        {%- endfor %}
        else 'unclassified'
    end
{%- endmacro %}
