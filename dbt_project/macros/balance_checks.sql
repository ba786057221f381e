{# The wallets that no stream has a ledger of, by exchange. #}
{% macro wallets_without_ledger() -%}
    select exchange, wallet
    from (
        values
        {%- for exchange, wallets in var('wallets_without_ledger').items() -%}
        {%- set outer = loop -%}
        {%- for wallet in wallets %}
        ('{{ exchange }}', '{{ wallet }}'){{ ',' if not (outer.last and loop.last) }}
        {%- endfor -%}
        {%- endfor %}
    ) as wallets (exchange, wallet)
{%- endmacro %}
