"""Which accounts there are, and their keys."""
