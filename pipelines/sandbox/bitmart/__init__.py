"""The simulator of BitMart."""
