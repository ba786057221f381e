"""Import files that people have of an exchange."""
