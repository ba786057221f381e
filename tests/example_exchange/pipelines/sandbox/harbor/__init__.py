"""Harbor in the sandbox."""
