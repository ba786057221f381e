"""Bitget, classic account: loans on pledged coins. No event of a loan is in two of these lists."""

from datetime import timedelta

from pipelines.exchanges.bitget.spec_terms import (
    CHECKED_ON,
    DOCS,
    LOAN_PAGES,
    THREE_MONTHS,
    per_second,
)
from pipelines.spec import LeftOut, PageNumbers, StreamSpec

LISTS: dict[str, tuple[str, str, str, tuple[str, ...], str]] = {
    "loan_borrows": (
        "borrow-history", "Loan-Borrow-History", "borrowTime", ("orderId",),
        "closed loans: coins, amounts, rates and final status",
    ),
    "loan_repayments": (
        "repay-history", "Loan-Repay-History", "repayTime",
        ("orderId", "repayTime", "repayAmount", "repayUnlockAmount"),
        "repayments of loans: principal, interest and released collateral",
    ),
    "loan_revisions": (
        "revise-history", "Loan-Revise-History", "reviseTime",
        ("orderId", "reviseTime", "reviseSide", "reviseAmount"),
        "additions to and withdrawals from the collateral of a loan",
    ),
    "loan_reductions": (
        "reduces", "Loan-Reduces", "reduceTime", ("orderId", "reduceTime"),
        "collateral that was sold to repay a loan, and its cost",
    ),
}  # fmt: skip
"""Name → path, page, time, id, what a gap affects. Every row has an order id."""


def listed(name: str) -> StreamSpec:
    """One list of loans, by page number."""
    path, page, time_field, record_id, affects = LISTS[name]
    return StreamSpec(
        name=name,
        path=f"/api/v2/earn/loan/{path}",
        paging=LOAN_PAGES,
        kind="history",
        wallet="loans",
        record_id=record_id,
        time_field=time_field,
        retention_kind="rolling",
        retention=THREE_MONTHS,
        page_size=100,
        rate=per_second(10),
        # A loan is listed after it is closed, with the time at which it was taken.
        overlap=THREE_MONTHS if name == "loan_borrows" else timedelta(days=1),
        affects=affects,
        remedy=(
            "tax_spot_records has the movements of the spot wallet; or download the file from the "
            "site: Assets > Earn > Crypto loans > History"
        ),
        remedy_is_file=True,
        docs_url=f"{DOCS}/earn/loan/{page}",
        checked_on=CHECKED_ON,
        confidence="documented",
    )


LOANS = (
    *(listed(name) for name in LISTS),
    StreamSpec(
        name="loan_orders",
        path="/api/v2/earn/loan/ongoing-orders",
        paging=PageNumbers(limit="pageSize", number="pageNo"),
        kind="snapshot",
        wallet="loans",
        record_id=("orderId",),
        time_filter=False,
        page_size=100,
        rate=per_second(10),
        docs_url=f"{DOCS}/earn/loan/Loan-Ongoing-Orders",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)  # fmt: skip

LEFT_OUT = (
    LeftOut(
        path="/api/v2/earn/loan/debts",
        reason="Sums by coin of the loans in loan_orders.",
        docs_url=f"{DOCS}/earn/loan/Loan-Debts",
    ),
)
