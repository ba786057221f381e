"""Extract and load: what an exchange account's history was, as the exchange said it."""
