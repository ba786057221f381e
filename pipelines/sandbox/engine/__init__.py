"""What every simulator shares: HTTP, clock, faults, simulated accounts."""
