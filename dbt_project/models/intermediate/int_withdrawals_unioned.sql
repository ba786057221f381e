{{ union_exchanges('withdrawals') }}
