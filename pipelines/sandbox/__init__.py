"""Simulators of the exchanges on the loopback address, for the demo and the tests."""
