"""Binance in the sandbox: spot and wallet."""
