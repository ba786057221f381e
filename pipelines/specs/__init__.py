"""One module an exchange: its limits, each with the page that states it."""
