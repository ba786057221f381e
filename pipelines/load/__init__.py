"""Load extracted rows: the dlt source, the raw tables, the sync of one account."""
