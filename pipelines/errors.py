"""Errors for users: where, what happened, and what to do."""

from __future__ import annotations

from typing import Literal

Outcome = Literal["exhausted", "row_cap", "unresolved", "refused", "failed", "venue_closed"]


class LookbackError(Exception):
    """An error the user can act on. `str()` is one line: account · stream: what. Remedy."""

    def __init__(self, what: str, *, account: str = "", stream: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.account = account
        self.stream = stream
        self.remedy = remedy

    @property
    def sentences(self) -> str:
        """What happened and what to do, without account and stream."""
        remedy = self.remedy[:1].upper() + self.remedy[1:]
        return ". ".join(part.rstrip(".") for part in (self.what, remedy) if part) + "."

    def __str__(self) -> str:
        where = " · ".join(part for part in (self.account, self.stream) if part)
        return f"{where}: {self.sentences}" if where else self.sentences


class RequestError(LookbackError):
    """A request without a usable response, with the outcome for its receipt.

    `kind` is one word for programs (`wrong_key`, `rate_limited`, `cut_short`, ...). `retry` says
    that the same request may work later; `wait` is the number of seconds the exchange requires.
    """

    def __init__(
        self,
        what: str,
        *,
        kind: str,
        outcome: Outcome = "failed",
        remedy: str = "",
        retry: bool = False,
        wait: float | None = None,
        stream: str = "",
    ) -> None:
        super().__init__(what, stream=stream, remedy=remedy)
        self.kind = kind
        self.outcome = outcome
        self.retry = retry
        self.wait = wait


LONGEST_REASON = 300
"""Longest text of an exchange in a message, in characters; some send a whole page."""


def one_line(text: str) -> str:
    """A text of an exchange as one short printable line."""
    line = "".join(sign for sign in " ".join(text.split()) if sign.isprintable())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def unexpected(error: Exception, *, stream: str = "") -> RequestError:
    """Convert an unexpected exception of a stream to a RequestError."""
    what = error.what if isinstance(error, LookbackError) else str(error)
    name = "" if isinstance(error, LookbackError) else f"{type(error).__name__}: "
    return RequestError(
        one_line(f"reading failed ({name}{what})"),
        kind="unexpected",
        remedy="no other stream is affected, and the next sync reads it again; if it fails again, "
        "report this message",
        stream=stream,
    )
