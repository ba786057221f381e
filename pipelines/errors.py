"""Errors a person reads: where, what, and what to do about it."""

from __future__ import annotations

from typing import Literal

Outcome = Literal["exhausted", "row_cap", "unresolved", "refused", "failed", "venue_closed"]


class LookbackError(Exception):
    """Something the user can act on. `str()` is one line: account · stream: what. Remedy."""

    def __init__(self, what: str, *, account: str = "", stream: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.account = account
        self.stream = stream
        self.remedy = remedy

    @property
    def sentences(self) -> str:
        """What and what to do, for where account and stream stand beside it."""
        remedy = self.remedy[:1].upper() + self.remedy[1:]
        return ". ".join(part.rstrip(".") for part in (self.what, remedy) if part) + "."

    def __str__(self) -> str:
        where = " · ".join(part for part in (self.account, self.stream) if part)
        return f"{where}: {self.sentences}" if where else self.sentences


class Trouble(LookbackError):
    """A request that brought no answer, with the outcome its receipt will show.

    `kind` is one word for programs (`wrong_key`, `rate_limited`, `cut_short`, ...). `retry` says
    that the same request may work later; `wait` is how many seconds the exchange asked for.
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
"""Characters of a reason that came from outside; some exchanges send a whole page."""


def one_line(text: str) -> str:
    """A text from outside as one short line that a terminal can show."""
    line = "".join(sign for sign in " ".join(text.split()) if sign.isprintable())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def unexpected(error: Exception, *, stream: str = "") -> Trouble:
    """Whatever else was raised while an exchange was read, as the failure of one stream."""
    what = error.what if isinstance(error, LookbackError) else str(error)
    name = "" if isinstance(error, LookbackError) else f"{type(error).__name__}: "
    return Trouble(
        one_line(f"reading failed ({name}{what})"),
        kind="unexpected",
        remedy="nothing else is affected, and the next sync reads it again; report this message "
        "where it stays",
        stream=stream,
    )
