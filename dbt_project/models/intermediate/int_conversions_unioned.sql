{{ union_exchanges('conversions') }}
