{# A wallet of a unified account by the words that transfer records have for it. #}
{% macro bitget_unified_wallet(word) -%}
    case lower({{ word }})
        when 'uta' then 'unified'
        when 'unified' then 'unified'
        when 'unified_account' then 'unified'
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
