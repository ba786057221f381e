{#
    A wallet of a unified account by the words that transfer records have for it. Classic wallets are
    parts of one wallet here.
#}
{% macro bitget_unified_wallet(word) -%}
    case lower({{ word }})
        when 'uta' then 'unified'
        when 'unified' then 'unified'
        when 'unified_account' then 'unified'
        when 'usdt_futures' then 'unified'
        when 'usdc_futures' then 'unified'
        when 'coin_futures' then 'unified'
        when 'crossed_margin' then 'unified'
        when 'isolated_margin' then 'unified'
        when 'spot' then 'funding'
        when 'p2p' then 'funding'
        when 'funding' then 'funding'
        else lower({{ word }})
    end
{%- endmacro %}

{# The id of a canonical row whose stream is a column. #}
{% macro canonical_id_by_stream(stream='stream', record_id='record_id') -%}
    concat(account_id, '/', {{ stream }}, '/', {{ record_id }})
{%- endmacro %}
