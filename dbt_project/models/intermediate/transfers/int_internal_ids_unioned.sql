{{ union_exchanges('internal_ids') }}
