{#
    A field of `feeDetail`, which is an object on spot fills and a list of one elsewhere; '' and
    text that is no JSON have no fields.
#}
{% macro fee_detail(key) -%}
    coalesce(
        nullif(try_cast({{ text_field('feeDetail') }} as json) ->> '$.{{ key }}', ''),
        nullif(try_cast({{ text_field('feeDetail') }} as json) ->> '$[0].{{ key }}', '')
    )
{%- endmacro %}

{#
    Base and quote coin of a symbol without separator. The public list names them while the pair is
    listed; afterwards the symbol itself is all there is, and the quote coins are few.
#}
{% macro bitget_quote_coin(symbol) -%}
    regexp_extract({{ symbol }}, '^[A-Z0-9$]+?(USDT|USDC|USDE|BTC|ETH|EUR|BRL|TRY|BGB|USD)(_.*)?$', 1)
{%- endmacro %}

{# The wallet of a futures product. Where a row's asking is not known, its coin tells nearly as well. #}
{% macro bitget_futures_wallet(product='product', coin='coin') -%}
    case upper({{ product }})
        when 'USDT-FUTURES' then 'usdt_futures'
        when 'USDC-FUTURES' then 'usdc_futures'
        when 'COIN-FUTURES' then 'coin_futures'
        else case {{ coin }}
            when 'USDT' then 'usdt_futures' when 'USDC' then 'usdc_futures' else 'coin_futures'
        end
    end
{%- endmacro %}
