"""What a process started by this one gets to know."""

from __future__ import annotations

import os


def without_secrets() -> dict[str, str]:
    """The environment for a process that has no business with any account's keys."""
    return {
        name: value for name, value in os.environ.items() if not name.upper().startswith("ACCOUNTS")
    }
