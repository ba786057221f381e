"""An account and its key, as the rest of the program holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Credentials:
    """The key fields of one account. Never shown, not even by repr."""

    fields: Mapping[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def fingerprint(self) -> str:
        """Tells two keys apart without giving either away: half a hash of the key id."""
        return hashlib.sha256(self["key"].encode()).hexdigest()[:16]

    def hide_in(self, text: str) -> str:
        """`text` with every secret in it masked, for errors and logs."""
        for value in sorted(self.fields.values(), key=len, reverse=True):
            if len(value) > 3:
                text = text.replace(value, "***")
        return text


@dataclass(frozen=True)
class Account:
    """One account as configured: what the user calls it and how to reach it."""

    label: str
    exchange: str
    credentials: Credentials
    base_url: str
    opened_at: datetime | None = None
    pace: float = 1.0
    uid: str = ""
