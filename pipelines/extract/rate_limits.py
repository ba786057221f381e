"""Keep the rate limits of exchanges, across threads and accounts.

One `RateLimiter` serves the process. A bucket is a name (what the exchange counts by) with a
`Rate`. A request waits until each of its buckets has room, and then counts in all of them.
`Retry-After` and penalties of the exchange close a bucket for that time.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

from pipelines.spec import Rate

# Exchanges count requests at arrival, and the network delays some more than others: keep this share
# of each period free, and at least that many seconds.
MARGIN = 0.02
LEAST_MARGIN = 0.045


class ShutOut(Exception):
    """The exchange allows no request for `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no request for {seconds:.0f} s")
        self.seconds = seconds


@dataclass
class _Bucket:
    """A schedule of the next free moment (GCRA), which needs no timer and no history."""

    free_at: float = 0.0
    shut_until: float = 0.0

    def ready_at(self, now: float, interval: float, burst: int) -> float:
        return max(self.shut_until, self.free_at - (burst - 1) * interval, now)

    def take(self, moment: float, interval: float) -> None:
        self.free_at = max(self.free_at, moment) + interval


class RateLimiter:
    """Decides when requests may be sent."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._buckets: dict[Hashable, _Bucket] = {}

    def wait(
        self, rates: Mapping[Hashable, Rate], pace: float = 1.0, longest: float = math.inf
    ) -> None:
        """Sleep until all of `rates` allow a request. `pace` multiplies the allowance.

        The request is counted after the sleep, so that a thread that wakes up late does not send
        too close to the next one. Raises ShutOut if the exchange closed a bucket for longer than
        `longest` seconds, also during the sleep.
        """
        while (delay := self._take(rates, pace)) > 0:
            if (seconds := self._shut_for(rates)) > longest:
                raise ShutOut(seconds)
            self._sleep(delay)

    def _take(self, rates: Mapping[Hashable, Rate], pace: float) -> float:
        """Count the request in every bucket and return 0, or the seconds until all have room."""
        with self._lock:
            now = self._clock()
            takers = [
                (self._buckets.setdefault(name, _Bucket()), _interval(rate, pace), _burst(rate))
                for name, rate in rates.items()
            ]
            ready = [bucket.ready_at(now, interval, burst) for bucket, interval, burst in takers]
            moment = max(ready, default=now)
            if moment > now:
                return moment - now
            for bucket, interval, _ in takers:
                bucket.take(now, interval)
            return 0.0

    def _shut_for(self, names: Iterable[Hashable]) -> float:
        """Seconds until the exchange allows requests of all these buckets again."""
        with self._lock:
            now = self._clock()
            buckets = [self._buckets[name] for name in names if name in self._buckets]
            return max((bucket.shut_until - now for bucket in buckets), default=0.0)

    def shut(self, name: Hashable, seconds: float) -> None:
        """Allow no request of this bucket for that time, as the exchange requires."""
        with self._lock:
            bucket = self._buckets.setdefault(name, _Bucket())
            bucket.shut_until = max(bucket.shut_until, self._clock() + seconds)


def _interval(rate: Rate, pace: float) -> float:
    """Seconds between requests at the allowed rate."""
    period = rate.per.total_seconds() / pace
    # A period near zero means no limits, as in a sandbox.
    margin = max(period * MARGIN, min(period, LEAST_MARGIN))
    return (period + margin) / rate.requests


def _burst(rate: Rate) -> int:
    """Requests allowed at once; 1 unless the exchange documents a burst."""
    return rate.burst or 1


RATE_LIMITER = RateLimiter()
