"""An account and its key."""

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
        """Half a hash of the key id: it distinguishes keys and reveals none."""
        return hashlib.sha256(self["key"].encode()).hexdigest()[:16]

    def hide_in(self, text: str) -> str:
        """`text` with its secrets masked, for errors and logs."""
        for value in sorted(self.fields.values(), key=len, reverse=True):
            if len(value) > 3:
                text = text.replace(value, "***")
        return text


@dataclass(frozen=True)
class Account:
    """One configured account: its label, exchange, key and address."""

    label: str
    exchange: str
    credentials: Credentials
    base_url: str
    opened_at: datetime | None = None
    pace: float = 1.0
    uid: str = ""
    accepted_rights: tuple[str, ...] = ()
    """Rights beyond reading that the user has accepted for the key."""
