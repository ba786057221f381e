{{ union_exchanges('transfers') }}
