"""Bitget, classic account: positions of copy trading, for traders and followers."""

from datetime import timedelta

from pipelines.exchanges.bitget.spec_futures import LISTED_BY, PRODUCTS
from pipelines.exchanges.bitget.spec_terms import CHECKED_ON, DOCS, THREE_MONTHS, per_second
from pipelines.spec import StreamSpec

TRADER = "trader"
"""The `traderType` in /spot/account/info of an account whose trades others copy."""
REMEDY = "the ledger has the transfers to and from copy trading; or use its page on the site"


def of_futures(name: str, path: str, page: str, *, needs_right: str = "") -> StreamSpec:
    """Closed positions of futures, product by product."""
    return StreamSpec(
        name=name,
        path=f"/api/v2/copy/{path}",
        kind="history",
        wallet="copy_futures",
        needs_right=needs_right,
        record_id=("trackingNo",),
        time_field="openTime",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=100,
        rate=per_second(5),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        # A position is listed after it is closed, with the time at which it was opened.
        overlap=THREE_MONTHS,
        affects="positions of futures copy trading: prices, fees and profit of each",
        remedy=REMEDY,
        docs_url=f"{DOCS}/copytrading/{page}",
        checked_on=CHECKED_ON,
        confidence="documented",
    )


def of_spot(
    name: str, path: str, page: str, page_size: int, *, needs_right: str = ""
) -> StreamSpec:
    """Spot positions. The time of the filter (buy or sell) is not documented."""
    return StreamSpec(
        name=name,
        path=f"/api/v2/copy/{path}",
        kind="history",
        wallet="copy_spot",
        needs_right=needs_right,
        record_id=("trackingNo",),
        time_field="buyTime",
        retention_kind="not_stated",
        page_size=page_size,
        rate=per_second(5),
        overlap=THREE_MONTHS,
        affects="orders of spot copy trading: prices, fees and profit of each",
        remedy=REMEDY,
        docs_url=f"{DOCS}/copytrading/{page}",
        checked_on=CHECKED_ON,
        confidence="documented",
    )


COPY = (
    of_futures(
        "copied_positions",
        "mix-follower/query-history-orders",
        "future-copytrade/follower/Query-History-Orders",
    ),
    of_spot(
        "copied_spot_orders",
        "spot-follower/query-history-orders",
        "spot-copytrade/follower/Query-History-Orders",
        50,
    ),
    of_futures(
        "led_positions",
        "mix-trader/order-history-track",
        "future-copytrade/trader/Order-History-Track",
        needs_right=TRADER,
    ),
    of_spot(
        "led_spot_orders",
        "spot-trader/order-history-track",
        "spot-copytrade/trader/Order-History-Track",
        100,
        needs_right=TRADER,
    ),
)
