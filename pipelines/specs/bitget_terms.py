"""What every part of Bitget's spec shares: where its pages are, and how it counts requests."""

from datetime import date, timedelta

from pipelines.spec import Rate

DOCS = "https://www.bitget.com/api-doc"
CHECKED_ON = date(2026, 11, 21)


def per_second(requests: int) -> Rate:
    """Bitget counts every endpoint by itself, for each account, second by second."""
    return Rate(requests=requests, per=timedelta(seconds=1))
