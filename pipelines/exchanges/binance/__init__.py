"""Binance: its specification, its adapter and its guide."""
