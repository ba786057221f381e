"""Reports: certificate, evacuation inventory, query results."""
