"""Keeping to an exchange's rate limits, across threads and accounts.

One `Pacer` serves the process. A bucket is a name (what the exchange counts by) with a `Rate`;
a request waits until every bucket it falls in has room, and takes its place in all of them at
once. What the exchange itself says (`Retry-After`, a penalty) shuts a bucket for that long.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from pipelines.spec import Rate

# Requests bunch up on the way, and an exchange counts arrivals: leave this share of room.
MARGIN = 1.02


@dataclass
class _Bucket:
    """A schedule of the next free moment (GCRA), which needs no timer and no history."""

    free_at: float = 0.0
    shut_until: float = 0.0

    def ready_at(self, now: float, interval: float, burst: int) -> float:
        return max(self.shut_until, self.free_at - (burst - 1) * interval, now)

    def take(self, moment: float, interval: float) -> None:
        self.free_at = max(self.free_at, moment) + interval


class Pacer:
    """Hands out the moments at which requests may go."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, _Bucket] = {}

    def wait(self, rates: Mapping[Hashable, Rate], pace: float = 1.0) -> None:
        """Sleep until a request in all of `rates` may go. `pace` multiplies the allowance."""
        with self._lock:
            now = self._clock()
            moment = now
            takers = []
            for name, rate in rates.items():
                interval = rate.per.total_seconds() * MARGIN / rate.requests / pace
                bucket = self._buckets.setdefault(name, _Bucket())
                moment = max(moment, bucket.ready_at(now, interval, _burst(rate)))
                takers.append((bucket, interval))
            for bucket, interval in takers:
                bucket.take(moment, interval)
        if moment > now:
            self._sleep(moment - now)

    def shut(self, name: Hashable, seconds: float) -> None:
        """Nothing of this bucket goes for so long: the exchange said so."""
        with self._lock:
            bucket = self._buckets.setdefault(name, _Bucket())
            bucket.shut_until = max(bucket.shut_until, self._clock() + seconds)


def _burst(rate: Rate) -> int:
    """Evenly spaced unless the exchange documents a bucket that may be emptied at once."""
    return rate.burst or 1


PACER = Pacer()
