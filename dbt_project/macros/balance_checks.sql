{# The wallets that no stream has a ledger of, by exchange. #}
{% macro wallets_without_ledger() -%}
    select distinct exchange, wallet
    from {{ ref('int_stream_specs_unioned') }}
    where is_current and balance_kind = 'unledgered'
{%- endmacro %}
