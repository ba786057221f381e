"""Binance, spot and wallet: a list for each kind of movement, and no ledger."""

from datetime import date, timedelta
from typing import Any

from pipelines.exchanges.binance.guide import DOCS, EXCLUDED, GUIDE, LEFT_OUT
from pipelines.spec import (
    Bounds,
    Envelope,
    ExchangeSpec,
    IdAscending,
    NewestOfSpan,
    NewestRows,
    OffsetPaging,
    PageNumbers,
    Rate,
    ScopeList,
    StreamSpec,
)

CHECKED_ON = date(2026, 11, 30)
API, SAPI = "/api/v3", "/sapi/v1"
SITE = "the site's transaction history (Orders, Export: a year a file, 15 files a month)"
HALF_YEAR = timedelta(days=180)
BELOW_90_DAYS = timedelta(days=89, hours=23)
"""Windows must be shorter than 90 days."""

BY_OFFSET = OffsetPaging(limit="limit", offset="offset", bounds=Bounds(), overlap=1)
NEWEST_OF_SPAN = NewestOfSpan(limit="limit")
FIAT = PageNumbers(limit="rows", number="page", bounds=Bounds(start="beginTime"))

TRANSFER_TYPES = tuple(
    transfer_type
    for one, others in (
        ("MAIN", ("UMFUTURE", "CMFUTURE", "MARGIN", "FUNDING", "OPTION", "PORTFOLIO_MARGIN")),
        ("UMFUTURE", ("MARGIN", "FUNDING", "OPTION")),
        ("CMFUTURE", ("MARGIN", "FUNDING")),
        ("MARGIN", ("FUNDING", "OPTION")),
        ("FUNDING", ("OPTION",)),
    )
    for other in others
    for transfer_type in (f"{one}_{other}", f"{other}_{one}")
)


def by_user(weight: int) -> Rate:
    """Each `/sapi` route allows 180,000 of weight in a minute to a user."""
    return Rate(requests=180_000 // weight, per=timedelta(minutes=1))


def stream(name: str, page: str, **declared: Any) -> StreamSpec:
    """A stream that is documented on that page."""
    facts: dict[str, Any] = {"checked_on": CHECKED_ON, "confidence": "documented"}
    return StreamSpec(name=name, docs_url=f"{DOCS}/{page}", **{**facts, **declared})


def history(name: str, page: str, **declared: Any) -> StreamSpec:
    """A list that is a part of the ledger."""
    facts: dict[str, Any] = {"kind": "history", "part_of": ("ledger",), "remedy": SITE}
    return stream(name, page, **{**facts, **declared})


SPEC = ExchangeSpec(
    name="binance",
    title="Binance",
    base_url="https://api.binance.com",
    docs_url=DOCS,
    checked_on=CHECKED_ON,
    began_on=date(2017, 7, 14),
    scope_examples={"symbol": "BTCUSDT"},  # key and secret have the same shape
    params=frozenset({"limit", "omitZeroBalances"}),
    # Of `/api`, by weight. Each `/sapi` route has a budget of its own: 12,000 for an address.
    ip_rate=Rate(requests=6_000, per=timedelta(minutes=1)),
    envelope=Envelope(
        code="code", success=frozenset({"", "000000"}), message=("msg", "message"), rows_at="rows"
    ),
    probes=(
        f"{API}/account",
        f"{SAPI}/account/apiRestrictions",
        f"{SAPI}/sub-account/list",
    ),
    left_out=LEFT_OUT,
    excluded=EXCLUDED,
    guide=GUIDE,
    # A delisted pair leaves the list or is refused, so pairs are also derived: every coin that was
    # moved, and every quote coin.
    scope_lists=(
        ScopeList(scope="symbol", places=(("symbols", "$.symbol"),), is_public=True),
        ScopeList(
            scope="symbol",
            places=(
                ("deposits", "$.coin"),
                ("withdrawals", "$.coin"),
                ("dividends", "$.asset"),
                ("conversions", "$.fromAsset"),
                ("conversions", "$.toAsset"),
                ("dust", "$.userAssetDribbletDetails[*].fromAsset"),
                ("fiat_payments", "$.cryptoCurrency"),
                ("p2p_orders", "$.asset"),
                ("spot_balances", "$.asset"),
                ("funding_balances", "$.asset"),
            ),
            seconds=(("symbols", "$.quoteAsset"),),
        ),
    ),
    streams=(
        history(
            "deposits",
            "wallet/capital/deposite-history",
            path=f"{SAPI}/capital/deposit/hisrec",
            part_of=("deposits", "ledger"),
            paging=BY_OFFSET,
            params=("includeSource", "limit", "offset", "startTime", "endTime"),
            sends={"includeSource": "true"},
            rows_at="",
            record_id=("id",),
            time_field="insertTime",
            other_times=("completeTime",),
            max_window=BELOW_90_DAYS,
            page_size=1_000,
            status_field="status",
            final_statuses=frozenset({"1", "2", "7"}),
            affects="deposits of coins",
        ),
        history(
            "withdrawals",
            "wallet/capital/withdraw-history",
            path=f"{SAPI}/capital/withdraw/history",
            part_of=("withdrawals", "ledger"),
            paging=BY_OFFSET,
            params=BY_OFFSET.parameters,
            rows_at="",
            record_id=("id",),
            time_field="applyTime",
            time_unit="iso8601",
            other_times=("completeTime",),
            max_window=BELOW_90_DAYS,
            page_size=1_000,
            rate=by_user(18_000),
            status_field="status",
            final_statuses=frozenset({"1", "3", "5", "6"}),
            affects="withdrawals of coins, with their fee, address and transaction hash",
        ),
        history(
            "dividends",
            "wallet/asset/assets-divided-record",
            path=f"{SAPI}/asset/assetDividend",
            paging=NEWEST_OF_SPAN,
            params=NEWEST_OF_SPAN.parameters,
            record_id=("id",),
            time_field="divTime",
            max_window=timedelta(days=180),
            page_size=500,
            rate=Rate(requests=1_200, per=timedelta(minutes=1)),
            affects="airdrops, distributions and rewards",
        ),
        history(
            "conversions",
            "convert/trade/Get-Convert-Trade-History",
            path=f"{SAPI}/convert/tradeFlow",
            paging=NEWEST_OF_SPAN,
            params=NEWEST_OF_SPAN.parameters,
            rows_at="list",
            record_id=("orderId",),
            time_field="createTime",
            max_window=timedelta(days=30),
            page_size=1_000,
            rate=by_user(3_000),
            status_field="orderStatus",
            final_statuses=frozenset({"SUCCESS", "FAIL"}),
            affects="conversions of one coin into another",
        ),
        history(
            "dust",
            "wallet/asset/dust-log",
            path=f"{SAPI}/asset/dribblet",
            paging=NewestRows(),
            params=("accountType",),
            sends={"accountType": "SPOT"},
            rows_at="userAssetDribblets",
            record_id=("transId",),
            time_field="operateTime",
            time_filter=False,
            newest_rows=100,
            affects="conversions of small balances into BNB, also those of margin",
        ),
        history(
            "transfers",
            "wallet/asset/query-user-universal-transfer",
            path=f"{SAPI}/asset/transfer",
            entities=("transfers",),
            paging=PageNumbers(limit="size", number="current", bounds=Bounds()),
            params=("type", "size", "current", "startTime", "endTime"),
            record_id=("tranId",),
            time_field="timestamp",
            retention_kind="rolling",
            retention=HALF_YEAR,
            scope="type",
            scope_values=TRANSFER_TYPES,
            scope_is_closed=True,
            status_field="status",
            final_statuses=frozenset({"CONFIRMED", "FAILED"}),
            affects="transfers between own wallets",
        ),
        history(
            "fiat_orders",
            "fiat/rest-api/Get-Fiat-Deposit-Withdraw-History",
            path=f"{SAPI}/fiat/orders",
            part_of=("deposits", "withdrawals", "ledger"),
            paging=FIAT,
            params=("transactionType", *FIAT.parameters),
            rows_at="data",
            record_id=("orderNo",),
            time_field="createTime",
            other_times=("updateTime",),
            # Wider windows are refused; how wide they may be is not documented.
            max_window=timedelta(days=89),
            confidence="seen_in_client",
            page_size=500,
            rate=by_user(45_000),
            scope="transactionType",
            scope_values=("0", "1"),
            scope_is_closed=True,
            status_field="status",
            final_statuses=frozenset(
                {
                    "Successful",
                    "Finished",
                    "Failed",
                    "Refunded",
                    "Refund Failed",
                    "Expired",
                    "Order Partial Credit Stopped",
                }
            ),
            affects="deposits and withdrawals of fiat money",
        ),
        history(
            "fiat_payments",
            "fiat/rest-api/Get-Fiat-Payments-History",
            path=f"{SAPI}/fiat/payments",
            paging=FIAT,
            params=("transactionType", *FIAT.parameters),
            rows_at="data",
            count_at="total",
            record_id=("orderNo",),
            time_field="createTime",
            other_times=("updateTime",),
            max_window=timedelta(days=89),
            confidence="seen_in_client",
            page_size=500,
            scope="transactionType",
            scope_values=("0", "1"),
            scope_is_closed=True,
            status_field="status",
            final_statuses=frozenset({"Completed", "Failed", "Refunded"}),
            affects="coins bought and sold by card",
        ),
        history(
            "p2p_orders",
            "c2c/rest-api/Get-C2C-Trade-History",
            path=f"{SAPI}/c2c/orderMatch/listUserOrderHistory",
            wallet="funding",
            paging=PageNumbers(
                limit="rows",
                number="page",
                bounds=Bounds(start="startTimestamp", end="endTimestamp"),
            ),
            params=("tradeType", "rows", "page", "startTimestamp", "endTimestamp"),
            rows_at="data",
            record_id=("orderNumber",),
            time_field="createTime",
            retention_kind="rolling",
            retention=HALF_YEAR,
            max_window=timedelta(days=30),
            scope="tradeType",
            scope_values=("BUY", "SELL"),
            scope_is_closed=True,
            status_field="orderStatus",
            final_statuses=frozenset({"COMPLETED", "CANCELLED", "CANCELLED_BY_SYSTEM"}),
            affects="coins bought from and sold to other people",
        ),
        history(
            "trades",
            "binance-spot-api-docs/rest-api/account-endpoints",
            path=f"{API}/myTrades",
            entities=("trades",),
            wallet="spot",
            paging=IdAscending(limit="limit", from_id="fromId"),
            params=("symbol", "limit", "fromId", "startTime"),
            rows_at="",
            record_id=("symbol", "id"),
            time_field="time",
            # An id leads to any time: all there is of a pair is requested at once.
            few_rows=True,
            page_size=1_000,
            weight=20,
            scope="symbol",
            scope_from=("trades",),
            affects="spot trades of this pair, and their balance changes",
            remedy=f"{SITE}; support may have the trades of a delisted pair",
        ),
        stream(
            "spot_balances",
            "wallet/asset/user-assets",
            path="/sapi/v3/asset/getUserAsset",
            method="POST",
            rows_at="",
            kind="snapshot",
            wallet="spot",
            balance_kind="ledgered",
            record_id=("asset",),
            time_filter=False,
        ),
        stream(
            "funding_balances",
            "wallet/asset/funding-wallet",
            path=f"{SAPI}/asset/get-funding-asset",
            method="POST",
            rows_at="",
            kind="snapshot",
            wallet="funding",
            balance_kind="ledgered",
            record_id=("asset",),
            time_filter=False,
        ),
        stream(
            "coins",
            "wallet/capital/all-coins-info",
            path=f"{SAPI}/capital/config/getall",
            rows_at="",
            kind="snapshot",
            record_id=("coin",),
            time_filter=False,
        ),
        stream(
            "symbols",
            "binance-spot-api-docs/rest-api/general-endpoints",
            path=f"{API}/exchangeInfo",
            rows_at="symbols",
            kind="reference",
            private=False,
            weight=20,
            record_id=("symbol",),
            time_filter=False,
        ),
    ),
)
