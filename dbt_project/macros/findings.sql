{#
    The columns of a finding. Every `int_<kind>_findings` serves exactly these, and `fct_findings`
    adds the texts of its codes, and what the user says of it. `words` are the placeholders of these
    texts, without those that every finding has (title, exchange, stream, label, sync_step,
    other_source).
#}
{% macro finding_columns() -%}
    {{ return({
        'finding_id': 'varchar', 'kind': 'varchar', 'severity': 'varchar', 'account_id': 'varchar',
        'exchange': 'varchar', 'stream': 'varchar', 'wallet': 'varchar', 'asset': 'varchar',
        'span_start': 'timestamptz', 'span_end': 'timestamptz', 'size': 'decimal(38, 18)',
        'evidence_id': 'varchar', 'evidence_kind': 'varchar', 'what_code': 'varchar',
        'remedy_code': 'varchar', 'explained_by': 'varchar', 'explanation_code': 'varchar',
        'fix_code': 'varchar', 'words': 'map(varchar, varchar)',
    }) }}
{%- endmacro %}

{# The findings of several models, one under the other. #}
{% macro union_findings(models) -%}
    {%- for model in models %}
    select
        {%- for name, type in finding_columns().items() %}
        cast({{ name }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref(model) }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{#
    The key of a finding: short enough to copy by hand, and the same in every build for the same
    fact. What belongs to the fact (where it starts, how large it is) is among the `parts`; what
    only time changes (an end that moves on) is not.
#}
{% macro finding_id(kind, parts) -%}
    left(md5(concat_ws('|', '{{ kind }}', {{ parts | join(', ') }})), 12)
{%- endmacro %}

{#
    Whether two values, as text, say different things. An absent or empty value says nothing; a
    number, a time and a word may be written in several ways.
#}
{% macro says_otherwise(first, second) -%}
    nullif({{ first }}, '') is not null
    and nullif({{ second }}, '') is not null
    and lower({{ first }}) != lower({{ second }})
    and coalesce(try_cast({{ first }} as double) != try_cast({{ second }} as double), true)
    and coalesce(try_cast({{ first }} as timestamptz) != try_cast({{ second }} as timestamptz), true)
{%- endmacro %}
