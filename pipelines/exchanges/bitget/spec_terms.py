"""Shared by all parts of Bitget's spec: documentation URLs and rate limits."""

from datetime import date, timedelta

from pipelines.spec import Bounds, CursorPaging, PageNumbers, Rate, TimeDescending

DOCS = "https://www.bitget.com/api-doc"
CHECKED_ON = date(2026, 11, 21)

SUB_ACCOUNT = "classic_sub"
CLASSIC = ("classic", SUB_ACCOUNT, "tax_key")
"""Account kinds of the v2 routes; these refuse unified accounts (code 40085)."""
MAIN_ONLY = ("classic", "tax_key")
"""The kinds without sub-accounts, which some routes refuse (code 40068)."""
THREE_MONTHS = timedelta(days=90)
"""Routes documented with three months apply 90 days (codes 40704, 40705)."""

BY_OLDER_ID = TimeDescending(limit="limit", cursor="idLessThan")
# The cursor dropped rows for a user with over 500 tax rows in one millisecond
# (BitgetLimited/v3-bitget-api-sdk#51, open).
BY_OLDER_TAX_ID = TimeDescending(limit="limit", cursor="idLessThan", is_cursor_reliable=False)
END_ID = CursorPaging(
    limit="limit", cursor="idLessThan", read_from=("data.endId",), end_values=("", "0")
)
END_ID_OF_WINDOW = CursorPaging(
    limit="limit",
    cursor="idLessThan",
    read_from=("data.endId",),
    end_values=("", "0"),
    bounds=Bounds(),
)
LOAN_PAGES = PageNumbers(limit="pageSize", number="pageNo", bounds=Bounds())


def per_second(requests: int) -> Rate:
    """Bitget limits each endpoint separately, per account and second."""
    return Rate(requests=requests, per=timedelta(seconds=1))
