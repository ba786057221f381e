"""Read an exchange: requests, rate limits, pages, windows, records."""
