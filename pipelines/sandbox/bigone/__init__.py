"""The simulator of BigONE."""
