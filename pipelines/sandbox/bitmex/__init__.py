"""The simulator of BitMEX."""
