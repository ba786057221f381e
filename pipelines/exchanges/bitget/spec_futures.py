"""Bitget, classic account: futures. Nearly every route is requested per product."""

from datetime import timedelta

from pipelines.exchanges.bitget.spec_terms import (
    BY_OLDER_TAX_ID,
    CHECKED_ON,
    DOCS,
    END_ID,
    THREE_MONTHS,
    per_second,
)
from pipelines.spec import LeftOut, StreamSpec

PRODUCTS = ("USDT-FUTURES", "USDC-FUTURES", "COIN-FUTURES")
"""Values of `productType`. Their wallets are called usdt_futures, usdc_futures, coin_futures."""

LISTED_BY = ("mix_contracts",)
"""The stream that can list new products. In other streams, `productType` is not a product."""

EXPORT = "download the file from the site: Assets > Futures > transaction history > Export"
ORDERS = "download the file from the site: Orders > Futures > order history > Export"


def accounts(product: str) -> StreamSpec:
    """The balances of one product. Rows name the coin alone, and products may share coins."""
    wallet = product.lower().replace("-", "_")
    return StreamSpec(
        name=f"{wallet}_accounts",
        path="/api/v2/mix/account/accounts",
        sends={"productType": product},
        kind="snapshot",
        wallet=wallet,
        balance_kind="ledgered",
        record_id=("marginCoin",),
        time_filter=False,
        rate=per_second(10),
        docs_url=f"{DOCS}/contract/account/Get-Account-List",
        checked_on=CHECKED_ON,
        confidence="documented",
    )  # fmt: skip


FUTURES = (
    StreamSpec(
        name="tax_future_records",
        path="/api/v2/tax/future-record",
        paging=BY_OLDER_TAX_ID,
        kind="history",
        entities=("ledger", "transfers"),
        wallet="futures",
        record_id=("id",),
        time_field="ts",
        # As for spot: the window is documented, the reach is not.
        retention_kind="not_stated",
        max_window=timedelta(days=30),
        page_size=500,
        smaller_page=100,
        rate=per_second(1),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        affects="the futures ledger: profit, fees, funding and transfers, without balances",
        remedy=f"{EXPORT} (futures transactions)",
        docs_url=f"{DOCS}/common/tax/Get-Future-Account-Record",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="mix_bills",
        path="/api/v2/mix/account/bill",
        kind="history",
        entities=("ledger", "transfers"),
        wallet="futures",
        record_id=("billId",),
        time_field="cTime",
        retention_kind="rolling",
        retention=THREE_MONTHS,
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(10),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        affects="the futures ledger with the balance after each movement",
        remedy=f"tax_future_records carries the same movements without balances; or {EXPORT}",
        docs_url=f"{DOCS}/contract/account/Get-Account-Bill",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="mix_fills",
        path="/api/v2/mix/order/fills",
        kind="history",
        entities=("trades",),
        wallet="futures",
        record_id=("tradeId",),
        time_field="cTime",
        retention_kind="rolling",
        retention=THREE_MONTHS,
        max_window=THREE_MONTHS,
        page_size=100,
        rate=per_second(10),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        affects="price, quantity and order of futures trades",
        remedy=f"the futures ledger keeps the profit and fee of each trade; for the rest {ORDERS}",
        docs_url=f"{DOCS}/contract/trade/Get-Order-Fills",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="mix_orders",
        path="/api/v2/mix/order/orders-history",
        kind="history",
        wallet="futures",
        record_id=("orderId",),
        time_field="cTime",
        retention_kind="rolling",
        retention=THREE_MONTHS,
        max_window=THREE_MONTHS,
        page_size=100,
        rate=per_second(10),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        # An order enters the list at its end, under the time it was placed.
        overlap=THREE_MONTHS,
        affects="futures orders: their source, and whether the exchange placed them",
        remedy=ORDERS,
        docs_url=f"{DOCS}/contract/trade/Get-History-Orders",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="mix_closed_positions",
        path="/api/v2/mix/position/history-position",
        kind="history",
        wallet="futures",
        record_id=("positionId",),
        # A position is listed when it is closed; the time that the filter uses is not documented.
        # Rows outside the window make the paginator follow the cursor.
        time_field="utime",
        retention_kind="rolling",
        retention=THREE_MONTHS,
        max_window=THREE_MONTHS,
        page_size=100,
        rate=per_second(20),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        affects="closed futures positions: entry and exit price, profit, fees and funding in sum",
        remedy=f"the futures ledger has every movement of the positions; or {ORDERS}",
        docs_url=f"{DOCS}/contract/position/Get-History-Position",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="mix_interest",
        path="/api/v2/mix/account/interest-history",
        paging=END_ID,
        kind="history",
        wallet="futures",
        record_id=("coin", "cTime"),  # rows carry no id; one an hour and coin
        time_field="cTime",
        time_filter=False,
        retention_kind="not_stated",
        page_size=100,
        rate=per_second(5),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        affects="how interest on borrowed margin was worked out, hour by hour",
        remedy=f"the futures ledger has the charged interest (settle_interest); or {EXPORT}",
        docs_url=f"{DOCS}/contract/account/Interest-History",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    *(accounts(product) for product in PRODUCTS),
    StreamSpec(
        name="mix_positions",
        path="/api/v2/mix/position/all-position",
        kind="snapshot",
        wallet="futures",
        record_id=("symbol", "marginCoin", "holdSide"),
        time_filter=False,
        rate=per_second(5),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        docs_url=f"{DOCS}/contract/position/get-all-position",
        checked_on=CHECKED_ON,
        confidence="seen_in_client",
    ),
    StreamSpec(
        name="mix_contracts",
        path="/api/v2/mix/market/contracts",
        kind="reference",
        private=False,
        record_id=("symbol",),
        time_filter=False,
        rate=per_second(20),
        scope="productType",
        scope_values=PRODUCTS,
        scope_from=LISTED_BY,
        docs_url=f"{DOCS}/contract/market/Get-All-Symbols-Contracts",
        checked_on=CHECKED_ON,
        confidence="seen_in_client",
    ),
)

LEFT_OUT = (
    LeftOut(
        path="/api/v2/mix/order/fill-history",
        reason="Returns the same executions with the same ids as mix_fills, in windows of a week.",
        docs_url=f"{DOCS}/contract/trade/Get-Fill-History",
    ),
)
