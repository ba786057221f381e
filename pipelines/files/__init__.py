"""Import saved responses of an exchange."""
