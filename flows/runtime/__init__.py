"""What a run needs around it: Prefect server, lock, progress, outcome."""
