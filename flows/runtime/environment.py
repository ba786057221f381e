"""The environment of child processes."""

from __future__ import annotations

import os


def without_secrets() -> dict[str, str]:
    """The environment without any account's keys."""
    return {
        name: value for name, value in os.environ.items() if not name.upper().startswith("ACCOUNTS")
    }
