with balances as (

    select * from {{ raw_table('binance', 'balances') }}

)

select
    -- keys
    account_id,
    'binance' as exchange,
    stream,
    record_id,
    receipt_id,

    -- what
    wallet,
    asset as exchange_asset,

    -- how much: all of it, whatever it is held for
    {{ amount(json_text('free')) }}
    {%- for part in ('locked', 'freeze', 'withdrawing') %}
    + coalesce({{ amount(json_text(part)) }}, 0)
    {%- endfor %} as amount,

    -- when and from where
    taken_at,
    origin
from balances
