select
    account_id,
    'harbor' as exchange,
    stream,
    record_id,
    receipt_id,
    wallet,
    asset as exchange_asset,
    {{ amount(json_text('free')) }} + {{ amount(json_text('held')) }} as amount,
    taken_at,
    origin
from {{ raw_table('harbor', 'balances') }}
