"""Reports: the report page, certificate, evacuation inventory, query results."""
