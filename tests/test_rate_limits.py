"""The limiter on a virtual clock: never above the documented rate, and close to it."""

import random
import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from pipelines.extract.rate_limits import LEAST_MARGIN, RateLimiter
from pipelines.spec import Rate

TEN = Rate(requests=10, per=timedelta(seconds=1))
ONE = Rate(requests=1, per=timedelta(seconds=1))
BUCKET = Rate(requests=120, per=timedelta(minutes=1), burst=120)


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def sleep(self, seconds):
        self.now += seconds


def moments(rates, count, pace=1.0):
    clock = Clock()
    limiter = RateLimiter(clock=lambda: clock.now, sleep=clock.sleep)
    found = []
    for _ in range(count):
        limiter.wait(rates, pace)
        found.append(clock.now)
    return found


@pytest.mark.parametrize("rate", [TEN, ONE])
def test_requests_keep_and_use_the_rate(rate):
    sent = moments({"a": rate}, 200)
    for i in range(len(sent) - rate.requests):
        assert sent[i + rate.requests] - sent[i] > rate.per.total_seconds()
    ideal = (len(sent) - 1) / rate.requests
    assert (sent[-1] - sent[0]) / ideal <= 1.05


def test_a_bucket_may_be_emptied_at_once_and_then_refills():
    sent = moments({"a": BUCKET}, 240)
    assert sent[119] == sent[0]
    assert sent[239] - sent[0] == pytest.approx(120 * 0.5 * 1.02, rel=1e-6)


def test_a_request_waits_for_the_slowest_of_its_buckets():
    assert moments({"a": TEN, "b": ONE}, 3)[-1] >= 1_002.0


def test_pace_multiplies_the_allowance():
    assert moments({"a": ONE}, 11, pace=10)[-1] == pytest.approx(1_000 + 10 * (0.1 + LEAST_MARGIN))


def test_a_shut_bucket_lets_nothing_through_until_then():
    clock = Clock()
    limiter = RateLimiter(clock=lambda: clock.now, sleep=clock.sleep)
    limiter.shut("a", 30)
    limiter.wait({"a": TEN})
    assert clock.now >= 1_030
    before = clock.now
    limiter.wait({"b": TEN})
    assert clock.now == before


def test_threads_share_one_allowance_however_late_they_wake():
    chance = random.Random(1)
    gone = []
    limiter = RateLimiter(sleep=lambda seconds: time.sleep(seconds + chance.random() * 0.02))

    def go():
        for _ in range(5):
            limiter.wait({"a": Rate(requests=1, per=timedelta(milliseconds=10))})
            gone.append(time.monotonic())

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gone.sort()
    assert len(gone) == 20
    assert min(later - earlier for earlier, later in pairwise(gone)) > 0.010
