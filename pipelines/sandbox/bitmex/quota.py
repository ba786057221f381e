"""BitMEX's request quota: token buckets, the headers that tell of them, and the ban behind them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from pipelines.sandbox.engine.clock import Clock
from pipelines.spec import Rate

BAN_AFTER = 300
"""Refused requests within `BAN_WINDOW` that block an address; the real number is not published."""
BAN_WINDOW = 10 * 60_000
BAN_LENGTH = 60 * 60_000


@dataclass
class Bucket:
    """Fills continuously up to `size`, by `per_ms` tokens a millisecond; a request takes one."""

    size: float
    per_ms: float
    tokens: float
    filled_at: int

    def take(self, now: int) -> bool:
        """Take a token if there is one."""
        self._fill(now)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def _fill(self, now: int) -> None:
        gained = max(0, now - self.filled_at) * self.per_ms
        self.tokens = min(self.size, self.tokens + gained)
        self.filled_at = now

    def wait_seconds(self) -> int:
        """Whole seconds until a token is there again, at least one."""
        return max(1, math.ceil((1 - self.tokens) / self.per_ms / 1_000))

    def headers(self, now: int) -> tuple[tuple[str, str], ...]:
        """Limit, what is left of it, and the Unix second at which it is whole again."""
        full_at = now + (self.size - self.tokens) / self.per_ms
        return (
            ("x-ratelimit-limit", str(int(self.size))),
            ("x-ratelimit-remaining", str(int(self.tokens))),
            ("x-ratelimit-reset", str(math.ceil(full_at / 1_000))),
        )


@dataclass
class Quota:
    """The buckets of all accounts and addresses, on the sandbox's clock, `pace` times as fast.

    Without a pace nothing is refused; the headers then tell of buckets that stay nearly full.
    """

    clock: Clock
    pace: float | None
    account_rate: Rate
    public_rate: Rate
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _refusals: dict[str, deque[int]] = field(default_factory=dict)
    _banned_until: dict[str, int] = field(default_factory=dict)

    def bucket(self, holder: str, signed: bool) -> Bucket:
        """The bucket of an account (signed requests) or of an address (unsigned ones)."""
        name = f"{'account' if signed else 'address'} {holder}"
        if name not in self._buckets:
            rate = self.account_rate if signed else self.public_rate
            size = float(rate.burst or rate.requests)
            per_ms = rate.requests / (rate.per.total_seconds() * 1_000) * (self.pace or 1.0)
            self._buckets[name] = Bucket(size, per_ms, size, self.clock.now_ms())
        return self._buckets[name]

    def take(self, bucket: Bucket) -> bool:
        """Whether a request may pass."""
        now = self.clock.now_ms()
        if now < bucket.filled_at:  # somebody turned the clock back
            bucket.filled_at = now
        if self.pace is None:
            bucket.tokens = bucket.size
        return bucket.take(now)

    def headers(self, bucket: Bucket) -> tuple[tuple[str, str], ...]:
        """The rate-limit headers of a reply."""
        return bucket.headers(self.clock.now_ms())

    def refused(self, ip: str) -> None:
        """Count an error against an address; too many of them in a short time block it."""
        if self.pace is None:
            return
        now = self.clock.now_ms()
        times = self._refusals.setdefault(ip, deque())
        times.append(now)
        while times and times[0] < now - BAN_WINDOW / self.pace:
            times.popleft()
        if len(times) >= BAN_AFTER:
            self._banned_until[ip] = now + int(BAN_LENGTH / self.pace)
            times.clear()

    def banned(self, ip: str) -> bool:
        """Whether an address is blocked now."""
        return self.clock.now_ms() < self._banned_until.get(ip, 0)
