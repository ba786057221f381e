"""One module an exchange: how a request is signed, and how its pages are walked."""
