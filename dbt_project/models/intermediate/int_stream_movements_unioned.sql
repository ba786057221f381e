-- What each stream tells by itself of the same wallet, for the exchanges where several do.
{% for exchange in var('exchanges_with_stream_movements') %}
select
    account_id,
    exchange,
    stream,
    part,
    record_id,
    asset,
    exchange_asset,
    amount,
    occurred_at
from {{ ref('int_' ~ exchange ~ '__stream_movements') }}
{{ 'union all' if not loop.last }}
{% endfor %}
