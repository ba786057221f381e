{{ union_exchanges('deposits') }}
