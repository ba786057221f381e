"""BitMEX's rate limits: token buckets, the headers that describe them, and bans of addresses."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from pipelines.sandbox.engine.account import HOUR, MINUTE
from pipelines.sandbox.engine.wire import Headers

ACCOUNT, ADDRESS = 120, 30
"""Requests a minute of an account (signed) and of an address (unsigned), and what a burst takes."""
BAN_AFTER = 300
"""Refused requests within `BAN_WINDOW` that block an address; the real number is not published."""
BAN_WINDOW, BAN_LENGTH = 10 * MINUTE, HOUR


@dataclass
class Bucket:
    """Fills continuously up to `size`, by `per_ms` tokens a millisecond; a request takes one."""

    size: int
    per_ms: float
    tokens: float
    filled_at: int

    def take(self, now: int) -> bool:
        """Take a token if there is one."""
        gained = max(0, now - self.filled_at) * self.per_ms
        self.tokens, self.filled_at = min(self.size, self.tokens + gained), now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def wait_seconds(self) -> int:
        """Whole seconds until a token is there again, at least one."""
        return max(1, math.ceil((1 - self.tokens) / self.per_ms / 1_000))

    def headers(self, now: int) -> Headers:
        """Limit, the tokens left, and the Unix second at which the bucket is full again."""
        full_at = now + (self.size - self.tokens) / self.per_ms
        return (
            ("x-ratelimit-limit", str(self.size)),
            ("x-ratelimit-remaining", str(int(self.tokens))),
            ("x-ratelimit-reset", str(math.ceil(full_at / 1_000))),
        )


@dataclass
class Quota:
    """The buckets of all accounts and addresses, `pace` times as fast.

    Without a pace nothing is refused; the headers are then those of buckets that stay nearly full.
    """

    pace: float | None
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _refusals: dict[str, deque[int]] = field(default_factory=dict)
    _banned_until: dict[str, int] = field(default_factory=dict)

    def bucket(self, holder: str, size: int, now: int) -> Bucket:
        """The bucket of an account or an address."""
        if holder not in self._buckets:
            self._buckets[holder] = Bucket(size, size / MINUTE * (self.pace or 1.0), size, now)
        bucket = self._buckets[holder]
        if self.pace is None:
            bucket.tokens = size
        return bucket

    def refused(self, ip: str, now: int) -> None:
        """Count an error against an address; too many of them in a short time block it."""
        if self.pace is None:
            return
        times = self._refusals.setdefault(ip, deque())
        times.append(now)
        while times and times[0] < now - BAN_WINDOW / self.pace:
            times.popleft()
        if len(times) >= BAN_AFTER:
            self._banned_until[ip] = now + int(BAN_LENGTH / self.pace)
            times.clear()

    def banned(self, ip: str, now: int) -> bool:
        """Whether an address is blocked now."""
        return now < self._banned_until.get(ip, 0)
