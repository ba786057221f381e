"""One folder per exchange: its spec, its guide, and how requests are signed."""
