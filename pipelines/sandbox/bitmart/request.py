"""One request to BitMart's stand-in: its parameters as they came, and the route it is for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipelines.sandbox.bitmart.books import Books
from pipelines.sandbox.bitmart.keys import Profile, Refusal

NO_SENSE = "Invalid request (maybe body is empty, or parameter)"


@dataclass(frozen=True)
class Ask:
    """A permitted request: its parameters as they came, whatever they are called."""

    params: dict[str, Any]
    now: int
    profile: Profile
    books: Books
    path: str = ""

    def number(self, name: str) -> int | None:
        """A whole number under that very name; None where it is not given."""
        value = self.params.get(name)
        if value is None or value == "":
            return None
        try:
            return int(value)
        except (TypeError, ValueError):
            raise Refusal(50021, f"Invalid parameter, {name}", 400) from None

    def size(self, name: str, default: int, most: int) -> int:
        """How many rows are wanted."""
        wanted = self.number(name)
        if wanted is None:
            return default
        if not 1 <= wanted <= most:
            raise Refusal(50021, f"Invalid parameter, {name}", 400)
        return wanted

    def text(self, name: str) -> str:
        """A text under that very name; '' where it is not given."""
        return str(self.params.get(name) or "")

    def needed(self, name: str) -> str:
        """A text that must be given."""
        text = self.text(name)
        if not text:
            code = 60000 if self.path.startswith("/account/") else 50021
            raise Refusal(code, NO_SENSE if code == 60000 else f"Invalid parameter, {name}", 400)
        return text


@dataclass(frozen=True)
class Route:
    """A path: what answers it, who may ask how often, and what it is inside `data`."""

    answer: Callable[[Ask], Any]
    allowed: int
    method: str = "GET"
    right: str = ""
    not_for_subs: bool = False
    word: str = "OK"
