"""What every part of Bitget's spec shares: where its pages are, and how it counts requests."""

from datetime import date, timedelta

from pipelines.spec import Rate

DOCS = "https://www.bitget.com/api-doc"
CHECKED_ON = date(2026, 11, 21)

SUB_ACCOUNT = "classic_sub"
CLASSIC = ("classic", SUB_ACCOUNT, "tax_key")
"""Kinds of account that the v2 routes serve; they refuse a unified one (code 40085)."""
MAIN_ONLY = ("classic", "tax_key")
"""Those of them that are no sub-accounts, which some routes refuse (code 40068)."""
THREE_MONTHS = timedelta(days=90)
"""Pages that say three months refuse by ninety days (40704, 40705)."""


def per_second(requests: int) -> Rate:
    """Bitget counts every endpoint by itself, for each account, second by second."""
    return Rate(requests=requests, per=timedelta(seconds=1))
