"""Bitget, unified account (v3): its streams, and the routes that are not read.

A unified account has one trading wallet (`unified`: spot, margin and all futures in one) and a
funding wallet (`funding`). Its ledger is divided by business line, so most routes are requested by
line. Classic routes refuse such an account, and these refuse a classic one.
"""

from datetime import date, timedelta

from pipelines.spec import (
    Bounds,
    CursorPaging,
    LeftOut,
    NewestOfSpan,
    Rate,
    StreamSpec,
    TimeDescending,
)

DOCS = "https://www.bitget.com/api-doc/uta"
CHECKED_ON = date(2026, 11, 21)
ORDERS_CHECKED_ON = date(2026, 11, 28)
KINDS = ("unified", "unified_tax_key")

# Business lines (…/uta/enum). Responses also write them `Margin`; these are the request values.
LINES = ("SPOT", "MARGIN", "USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES", "OTHER")

EXPORT = "download the file from the site: Assets > transaction history > Export"


BY_CURSOR = CursorPaging(
    limit="limit", cursor="cursor", read_from=("data.cursor", "data.nextId"), bounds=Bounds()
)


def per_second(requests: int) -> Rate:
    """Bitget limits each endpoint separately, per account and second."""
    return Rate(requests=requests, per=timedelta(seconds=1))


STREAMS = (
    StreamSpec(
        name="unified_financial_records",
        path="/api/v3/account/financial-records",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        entities=("ledger",),
        wallet="unified",
        record_id=("id",),
        time_field="ts",
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(20),
        scope="category",
        scope_values=LINES,
        scope_is_closed=True,
        affects="the ledger of the unified wallet with the market of each row",
        remedy=f"unified_tax_records has the same movements for 366 days; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/account/Get-Financial-Records",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_tax_records",
        path="/api/v3/tax/records",
        # Users report that the classic tax cursor drops rows; this one may as well.
        paging=TimeDescending(limit="limit", cursor="cursor", is_cursor_reliable=False),
        scope_sends={
            "MARGIN": {"bizType": "MARGIN", "marginType": "crossed"},
            "MARGIN/isolated": {"bizType": "MARGIN", "marginType": "isolated"},
        },
        kind="history",
        account_kinds=KINDS,
        # A spot trade is two rows. For futures, there are profit and fees, but no executions.
        entities=("ledger", "trades/spot", "transfers"),
        wallet="unified",
        record_id=("id",),
        time_field="ts",
        retention_kind="rolling",
        retention=timedelta(days=366),
        max_window=timedelta(days=7),
        page_size=500,
        smaller_page=100,
        rate=per_second(1),
        scope="bizType",
        scope_values=(*LINES, "MARGIN/isolated"),
        scope_is_closed=True,
        affects="the ledger of the unified wallet: every signed movement and the balance after it",
        remedy=EXPORT,
        remedy_is_file=True,
        docs_url=f"{DOCS}/tax/Get-Tax-Records",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_funding_records",
        path="/api/v3/account/funding-financial-records",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        entities=("ledger",),
        wallet="funding",
        record_id=("id",),
        time_field="ts",
        # Not documented; two public clients use 90 days, windows of 30 days, 100 rows a page.
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(10),
        affects="the ledger of the funding wallet (P2P, transfers)",
        remedy=EXPORT,
        remedy_is_file=True,
        docs_url=f"{DOCS}/account/Get-Financial-Records",
        checked_on=CHECKED_ON,
        confidence="seen_in_client",
    ),
    StreamSpec(
        name="unified_fills",
        path="/api/v3/trade/fills",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        entities=("trades",),
        wallet="unified",
        record_id=("execId",),
        time_field="createdTime",
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(20),
        affects="price, order and maker or taker side of trades",
        remedy=(
            "unified_tax_records has the bought and paid amount of each spot trade; for "
            "prices and order ids download the file: Orders > Order details > Export"
        ),
        remedy_is_file=True,
        docs_url=f"{DOCS}/trade/Get-Order-Fills",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_orders",
        path="/api/v3/trade/history-orders",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        wallet="unified",
        record_id=("orderId",),
        time_field="createdTime",
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(20),
        scope="category",
        scope_values=LINES[:-1],
        scope_is_closed=True,
        # An order is listed after it ends, with the time at which it was placed.
        overlap=timedelta(days=90),
        affects="orders: their source, and those without a fill",
        remedy="download the file from the site: Orders > Order history > Export",
        remedy_is_file=True,
        docs_url=f"{DOCS}/trade/Get-Order-History",
        checked_on=ORDERS_CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_deposit_records",
        path="/api/v3/account/deposit-records",
        paging=TimeDescending(limit="limit", cursor="cursor"),
        kind="history",
        account_kinds=KINDS,
        entities=("deposits",),
        wallet="unified",
        record_id=("orderId",),
        time_field="createdTime",
        retention_kind="not_stated",
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(10),
        status_field="status",
        final_statuses=frozenset({"success", "fail"}),
        affects="deposits with their address, network and transaction hash",
        remedy=f"unified_tax_records names each deposit's coin and amount; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/account/deposit",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_withdrawal_records",
        path="/api/v3/account/withdrawal-records",
        paging=TimeDescending(limit="limit", cursor="cursor"),
        kind="history",
        account_kinds=KINDS,
        entities=("withdrawals",),
        wallet="unified",
        record_id=("orderId",),
        time_field="createdTime",
        retention_kind="not_stated",
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(10),
        status_field="status",
        final_statuses=frozenset({"success", "fail"}),
        affects="withdrawals with their fee, address, network and transaction hash",
        remedy=f"unified_tax_records names each withdrawal's coin and amount; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/account/withdrawal",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_convert_records",
        path="/api/v3/account/convert-records",
        # A response must have all rows of a moment: a cursor could separate them.
        paging=NewestOfSpan(limit="limit", is_sorted=True),
        kind="history",
        account_kinds=KINDS,
        wallet="unified",
        # Rows have no id: identical rows get a number.
        record_id=("ts", "fromCoin", "fromCoinSize", "toCoin", "toCoinSize"),
        numbers_twins=True,
        time_field="ts",
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(20),
        affects="the price of conversions; their two amounts are in the ledger too",
        remedy=f"unified_tax_records has both amounts of each conversion; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/account/Get-Convert-Records",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_small_conversions",
        path="/api/v3/convert/small-assets-history",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        wallet="unified",
        record_id=("orderId",),
        time_field="createdTime",
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(10),
        affects="prices and fee of small balances converted to BGB; the amounts are in the ledger",
        remedy=f"unified_tax_records has both amounts of each conversion; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/changelog",
        checked_on=ORDERS_CHECKED_ON,
        confidence="seen_in_client",
    ),
    StreamSpec(
        name="unified_p2p_orders",
        path="/api/v3/p2p/all-orders",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        wallet="funding",
        record_id=("orderId",),
        time_field="createdTime",
        # The page size is not documented: 20 is the default of similar lists.
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=90),
        page_size=20,
        rate=per_second(10),
        status_field="status",
        final_statuses=frozenset({"completed", "cancelled"}),
        affects="the money side of P2P orders; their coins are in unified_funding_records",
        remedy=f"read the orders on the site (P2P > Orders); for the coins {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/changelog",
        checked_on=ORDERS_CHECKED_ON,
        confidence="seen_in_client",
    ),
    StreamSpec(
        name="unified_transfer_records",
        path="/api/v3/account/sub-transfer-record",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        entities=("transfers",),
        wallet="unified",
        record_id=("transferId",),
        time_field="createdTime",
        retention_kind="not_stated",
        max_window=timedelta(days=90),
        page_size=100,
        rate=per_second(5),
        status_field="status",
        final_statuses=frozenset({"Successful", "Failed"}),
        affects="transfers between this account's wallets and sub-accounts, with both sides",
        remedy=f"unified_tax_records shows one side of each transfer; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/account/transfer",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_positions",
        path="/api/v3/position/history-position",
        paging=BY_CURSOR,
        kind="history",
        account_kinds=KINDS,
        wallet="unified",
        record_id=("positionId",),
        # A position is listed when it is closed; the time of its filter is not documented.
        time_field="updatedTime",
        retention_kind="rolling",
        retention=timedelta(days=90),
        max_window=timedelta(days=30),
        page_size=100,
        rate=per_second(20),
        scope="category",
        scope_values=("USDT-FUTURES", "COIN-FUTURES", "USDC-FUTURES"),
        scope_is_closed=True,
        affects="the result of each closed futures position; its amounts are in the ledger",
        remedy=f"the ledger has every profit, fee and funding; or {EXPORT}",
        remedy_is_file=True,
        docs_url=f"{DOCS}/trade/Get-Position-History",
        checked_on=ORDERS_CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_assets",
        path="/api/v3/account/assets",
        kind="snapshot",
        account_kinds=KINDS,
        wallet="unified",
        balance_kind="ledgered",
        record_id=("coin",),
        time_filter=False,
        rate=per_second(20),
        docs_url=f"{DOCS}/account/Get-Account",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
    StreamSpec(
        name="unified_funding_assets",
        path="/api/v3/account/funding-assets",
        kind="snapshot",
        account_kinds=KINDS,
        wallet="funding",
        balance_kind="ledgered",
        record_id=("coin",),
        time_filter=False,
        rate=per_second(20),
        docs_url=f"{DOCS}/account/Get-Account-Funding-Assets",
        checked_on=CHECKED_ON,
        confidence="documented",
    ),
)

PROBES = ("/api/v3/account/settings", "/api/v3/account/info")

_LEDGER_HAS_IT = "Its movements are in the ledger (unified_financial_records, unified_tax_records)."
_NO_PAGE = "its rows are not documented, and no known client reads them"


def _unread(reason: str, *paths: str) -> tuple[LeftOut, ...]:
    return tuple(
        LeftOut(path=f"/api/v3/{path}", reason=reason, docs_url=f"{DOCS}/changelog")
        for path in paths
    )


LEFT_OUT = (
    *_unread(f"Earn of unified accounts: {_NO_PAGE}. {_LEDGER_HAS_IT}", "earn/elite-records"),
    *_unread(
        f"Crypto loans, three months: {_NO_PAGE}. {_LEDGER_HAS_IT}",
        "loan/borrow-ongoing", "loan/borrow-history", "loan/repay-history",
        "loan/pledge-rate-history", "loan/reduces", "loan/debts",
    ),
    *_unread(
        f"Transfers to and from copy trading: {_NO_PAGE}. {_LEDGER_HAS_IT}",
        "copy/futures/transfer-record",
    ),
    *_unread(
        "Positions transferred to another account; this moves no coins by itself.",
        "account/move-position-history",
    ),
    *_unread(
        "Bots trade with a separate balance; transfers to and from it are in the ledger.",
        "trade/grid/list-details", "trade/grid/bot-detail",
    ),
    *_unread(
        "Stocks are in a separate account, and its rows are not documented.",
        "stockplus/asset/cash-flow",
    ),
)  # fmt: skip
