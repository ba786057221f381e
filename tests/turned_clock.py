"""A simulated clock that only waiting advances, for budgets that would take hours to use up."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime, timedelta

from pipelines.extract.rate_limits import RateLimiter
from pipelines.sandbox.engine.server import Sandbox
from pipelines.spec import Rate


class TurnedClock:
    """A clock that only waiting moves, the sandbox's too, and what was sent when on it."""

    def __init__(self, box: Sandbox) -> None:
        self.box, self.began = box, box.now
        self.now = 1_000.0
        self.sent: dict[Hashable, list[float]] = {}
        self.rates: dict[Hashable, Rate] = {}
        self.limiter = RateLimiter(clock=lambda: self.now, sleep=self.sleep)
        self.limiter.wait = self._noting(self.limiter.wait)  # type: ignore[method-assign]

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.box.set_now(self.moment())

    def moment(self) -> datetime:
        return self.began + timedelta(seconds=self.now - 1_000.0)

    def _noting(self, wait: Callable[..., None]) -> Callable[..., None]:
        def noted(rates: Mapping[Hashable, Rate], *rest: float) -> None:
            wait(rates, *rest)
            self.rates |= rates
            for bucket in rates:
                self.sent.setdefault(bucket, []).append(self.now)

        return noted

    def tightest(self) -> Hashable:
        """The bucket of the slowest rate among those that were sent to."""
        return min(self.rates, key=lambda bucket: speed(self.rates[bucket]))

    def assert_no_bucket_ran_over(self) -> None:
        """No window of any length holds more than its documented budget."""
        for bucket, sent in self.sent.items():
            rate = self.rates[bucket]
            if rate.burst is None:
                for before, after in zip(sent, sent[rate.requests :], strict=False):
                    assert after - before >= rate.per.total_seconds(), bucket
                continue
            # A bucket that refills: what is in it at each moment, and never less than nothing.
            left, at = float(rate.burst), sent[0]
            for moment in sent:
                left = min(rate.burst, left + (moment - at) * speed(rate)) - 1
                at = moment
                assert left > -1e-6, bucket

    def share_of_budget(self, bucket: Hashable) -> float:
        """The used share of the allowed requests between the first and the last one."""
        rate, sent = self.rates[bucket], self.sent[bucket]
        return (len(sent) - (rate.burst or 1)) / ((sent[-1] - sent[0]) * speed(rate))


def speed(rate: Rate) -> float:
    """Requests a second."""
    return rate.requests / rate.per.total_seconds()
