{{ derived_ledger('harbor', ['trades', 'deposits', 'withdrawals']) }}
