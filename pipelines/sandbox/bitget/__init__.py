"""The simulator of Bitget."""
