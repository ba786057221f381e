{# One sentence: old coin and amount, new coin and amount, time, and source. #}
{% macro rename_text() -%}
    concat(
        {{ say_amount('from_amount') }}, ' ', from_asset, ' became ',
        {{ say_amount('to_amount') }}, ' ', to_asset, ' between ',
        {{ say_day('changed_from') }}, ' and ', {{ say_day('changed_until') }}, ': ',
        kind, ' by the exchange, without a row in its ledger (', source, ').'
    )
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
        any_value(what) as what
    from (
        select
            account_id,
            rename_id,
            unnest([wallet, wallet, 'all', 'all']) as covered_wallet,
            unnest([from_asset, to_asset, from_asset, to_asset]) as asset,
            unnest([from_residual, to_residual, from_residual, to_residual]) as net_residual,
            {{ rename_text() }} as what
        from {{ ref('int_matched_renames') }}
    )
    group by account_id, covered_wallet, asset, net_residual
{%- endmacro %}
