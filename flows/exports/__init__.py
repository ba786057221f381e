"""Files for tax tools and plain-text accounting, made from the marts."""
