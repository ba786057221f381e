{# How much of a coin became how much of which, when, and who announced it. #}
{% macro rename_words() -%}
    {{ words({
        'from_amount': say_amount('from_amount'), 'from_asset': 'from_asset',
        'to_amount': say_amount('to_amount'), 'to_asset': 'to_asset',
        'from_on': say_day('changed_from'), 'until_on': say_day('changed_until'),
        'kind': 'kind', 'source': 'source',
    }) }}
{%- endmacro %}

{#
    The differences that renames explain, one row each: by wallet, and over all wallets of an account.
#}
{% macro renamed_differences() -%}
    select
        account_id,
        covered_wallet as wallet,
        asset,
        net_residual,
        any_value(rename_id) as rename_id,
        any_value(words) as words
    from (
        select
            account_id,
            rename_id,
            unnest([wallet, wallet, 'all', 'all']) as covered_wallet,
            unnest([from_asset, to_asset, from_asset, to_asset]) as asset,
            unnest([from_residual, to_residual, from_residual, to_residual]) as net_residual,
            {{ rename_words() }} as words
        from {{ ref('int_matched_renames') }}
    )
    group by account_id, covered_wallet, asset, net_residual
{%- endmacro %}
