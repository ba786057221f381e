{{ union_exchanges('trades') }}
