"""Shared by all parts of Bitget's spec: documentation URLs and rate limits."""

from datetime import date, timedelta

from pipelines.spec import Rate

DOCS = "https://www.bitget.com/api-doc"
CHECKED_ON = date(2026, 11, 21)

SUB_ACCOUNT = "classic_sub"
CLASSIC = ("classic", SUB_ACCOUNT, "tax_key")
"""Account kinds of the v2 routes; these refuse unified accounts (code 40085)."""
MAIN_ONLY = ("classic", "tax_key")
"""The kinds without sub-accounts, which some routes refuse (code 40068)."""
THREE_MONTHS = timedelta(days=90)
"""Routes documented with three months apply 90 days (codes 40704, 40705)."""


def per_second(requests: int) -> Rate:
    """Bitget limits each endpoint separately, per account and second."""
    return Rate(requests=requests, per=timedelta(seconds=1))
