"""Connect an account: check its key, its identity, its rights and each of its streams."""
