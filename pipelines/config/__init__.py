"""The declared accounts and their keys."""
