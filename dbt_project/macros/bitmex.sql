{#
    What `tx` holds depends on the type and age of a row: only 64 hex digits, with or without 0x,
    are a hash on a chain. Others are guids of a batch or a transfer, or an address.
#}
{% macro bitmex_tx_hash(tx) -%}
    case when regexp_full_match({{ tx }}, '(0x)?[0-9a-fA-F]{64}') then {{ tx }} end
{%- endmacro %}

{# An id that names something: absent, empty and all zeros name nothing. #}
{% macro bitmex_id(id) -%}
    nullif(nullif({{ id }}, ''), '00000000-0000-0000-0000-000000000000')
{%- endmacro %}
