"""Harbor: three lists that reach back to the opening of an account, and its balances."""

from datetime import date, timedelta
from typing import Any

from pipelines.exchanges.harbor.guide import GUIDE
from pipelines.spec import (
    Bounds,
    CursorPaging,
    Envelope,
    ExchangeSpec,
    PageNumbers,
    Rate,
    StreamSpec,
)

DOCS = "https://harbor.example/api"
CHECKED_ON = date(2026, 11, 30)
PAGES = PageNumbers(limit="limit", number="page", bounds=Bounds(start="from", end="to"))


def stream(name: str, **declared: Any) -> StreamSpec:
    """A stream that is documented under its name."""
    return StreamSpec(
        name=name,
        path=f"/v1/{name}",
        docs_url=f"{DOCS}#{name}",
        checked_on=CHECKED_ON,
        confidence="documented",
        **declared,
    )


def history(name: str, **declared: Any) -> StreamSpec:
    """A whole list, of which the ledger is derived."""
    return stream(
        name,
        kind="history",
        entities=(name,),
        part_of=("ledger",),
        wallet="spot",
        record_id=("id",),
        retention_kind="unlimited",
        affects=name,
        remedy="ask the support of Harbor for a statement",
        **declared,
    )


def money(name: str) -> StreamSpec:
    """Deposits or withdrawals, in numbered pages of windows of 90 days."""
    return history(
        name,
        paging=PAGES,
        time_field="created",
        max_window=timedelta(days=90),
        page_size=50,
        status_field="state",
        final_statuses=frozenset({"DONE", "FAILED", "CANCELED"}),
    )


SPEC = ExchangeSpec(
    name="harbor",
    title="Harbor",
    base_url="https://api.harbor.example",
    docs_url=DOCS,
    checked_on=CHECKED_ON,
    began_on=date(2020, 1, 1),
    params=frozenset({"limit", "cursor", "page", "from", "to"}),
    ip_rate=Rate(requests=600, per=timedelta(minutes=1)),
    envelope=Envelope(code="code", message=("message",), rows_at="rows"),
    probes=("/v1/account",),
    guide=GUIDE,
    streams=(
        history(
            "trades",
            paging=CursorPaging(limit="limit", cursor="cursor", read_from=("next",)),
            time_field="time",
            time_filter=False,
        ),
        money("deposits"),
        money("withdrawals"),
        stream(
            "holdings",
            kind="snapshot",
            wallet="spot",
            balance_kind="ledgered",
            record_id=("coin",),
            time_filter=False,
        ),
    ),
)
