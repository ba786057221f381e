"""Stand-ins of real exchanges on the loopback address, for the demo and the tests."""
