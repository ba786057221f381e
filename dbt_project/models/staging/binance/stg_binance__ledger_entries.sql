-- Of wallets other than these, only transfers are read.
{{ derived_ledger(
    'binance',
    ['trades', 'deposits', 'withdrawals', 'transfers'],
    others=ref('int_binance__movements'),
    wallets=['spot', 'funding'],
) }}
