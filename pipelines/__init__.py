"""Extract the history of exchange accounts and load it unchanged."""
