{{ union_exchanges('ledger_entries') }}
