"""Harbor, an exchange that is made up."""
