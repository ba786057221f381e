"""The sandbox's own time: real by default, settable, so that years pass within a test."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def to_ms(moment: datetime) -> int:
    """Unix milliseconds of an aware datetime, exact."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000 + delta.microseconds // 1_000


def from_ms(ms: int) -> datetime:
    """The UTC datetime of Unix milliseconds, exact."""
    seconds, rest = divmod(ms, 1_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest * 1_000)


def parse_moment(value: str | int) -> int:
    """Unix milliseconds of an ISO 8601 text (UTC when it names no zone) or of milliseconds."""
    if isinstance(value, int) or value.isdigit():
        return int(value)
    moment = datetime.fromisoformat(value)
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


class Clock:
    """Milliseconds now: the real ones, a frozen moment, or real time shifted to a start."""

    def __init__(self, frozen_at: int | None = None) -> None:
        self._frozen = frozen_at
        self._shift = 0

    def now_ms(self) -> int:
        """The current moment of the sandbox, Unix milliseconds."""
        if self._frozen is not None:
            return self._frozen
        return time.time_ns() // 1_000_000 + self._shift

    def freeze(self, ms: int) -> None:
        """Stop at that moment."""
        self._frozen = ms

    def start(self, ms: int) -> None:
        """Go on running from that moment."""
        self._frozen, self._shift = None, ms - time.time_ns() // 1_000_000

    def advance(self, ms: int) -> None:
        """Move on by so much; a frozen clock stays frozen, at the later moment."""
        if self._frozen is not None:
            self._frozen += ms
        else:
            self._shift += ms

    def release(self) -> None:
        """Back to real time."""
        self._frozen, self._shift = None, 0
