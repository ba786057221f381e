"""Load what was read: the dlt source, the raw tables, the sync of one account."""
