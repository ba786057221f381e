"""Support for runs: Prefect server, lock, progress, outcome."""
