"""BitMart's routes beside its histories: one record by its id, what is open, fees, sub-accounts.

General clients ask them before or next to the lists; each tells of the same books as those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pipelines.sandbox.bitmart.books import Books, Row, Shelf
from pipelines.sandbox.bitmart.keys import INTER, ORGANISATION, SUB_NAMES, Refusal
from pipelines.sandbox.bitmart.market import VENUE
from pipelines.sandbox.bitmart.request import NO_SENSE, Ask, Route
from pipelines.sandbox.engine.account import DAY

GONE = frozenset(
    {
        "/spot/v1/trades", "/spot/v2/trades", "/spot/v3/orders", "/spot/v2/order_detail",
        "/account/v1/deposit-withdraw/history",
    }
)  # fmt: skip
"""Withdrawn routes: they answer that they are deprecated."""
RATES = {"taker": "0.001", "maker": "0.0008"}
NONE_YET = "0"
TO_V2 = {
    "margin_type": "open_type", "current_amount": "position_amount",
    "unrealized_value": "unrealized_pnl",
}  # fmt: skip
"""Names of a position's fields on the older route, and on the second version of it."""


class Beside:
    """Those routes; `books` gives an account's by its uid."""

    def __init__(self, books: Callable[[str], Books]) -> None:
        self._books = books

    def routes(self) -> dict[str, Route]:
        """Every one of them by its path."""
        return {
            "/account/v1/deposit-withdraw/detail": Route(money_detail, 8, not_for_subs=True),
            "/spot/v4/query/open-orders": Route(open_orders, 12, "POST", word="success"),
            "/spot/v4/query/order": Route(
                lambda ask: one_order(ask, "orderId"), 50, "POST", word="success"
            ),
            "/spot/v4/query/client-order": Route(
                lambda ask: one_order(ask, "clientOrderId"), 50, "POST", word="success"
            ),
            "/spot/v1/trade_fee": Route(trade_fee, 2),
            "/contract/private/trade-fee-rate": Route(contract_fee, 2, word="Ok"),
            "/contract/private/order": Route(one_contract_order, 50, word="Ok"),
            "/contract/private/get-open-orders": Route(open_contract_orders, 50, word="Ok"),
            "/contract/private/current-plan-order": Route(plan_orders, 50, word="Ok"),
            "/contract/private/position-v2": Route(positions_v2, 6, word="Ok"),
            "/contract/private/position-risk": Route(positions_at_risk, 24, word="Ok"),
            "/account/sub-account/main/v1/wallet": Route(
                lambda ask: self._sub_wallet(ask, "spot"), 12, right=INTER, not_for_subs=True
            ),
            "/account/contract/sub-account/main/v1/wallet": Route(
                lambda ask: self._sub_wallet(ask, "futures"), 12, right=INTER, not_for_subs=True
            ),
            "/account/sub-account/main/v1/transfer-list": Route(
                sub_transfers, 8, right=INTER, not_for_subs=True
            ),
            "/account/contract/sub-account/main/v1/transfer-list": Route(
                futures_sub_transfers, 8, right=INTER, not_for_subs=True
            ),
        }

    def _sub_wallet(self, ask: Ask, wallet: str) -> Any:
        """What a sub-account holds, told to its main account."""
        uid = sub_named(ask, ask.needed("subAccount"))
        books, coin = self._books(uid), ask.text("currency")
        return {
            "wallet": [
                {
                    "currency": code,
                    "name": code,
                    "available": books.text(code, balance),
                    "frozen": "0.00000000",
                }
                for code, balance in sorted(books.balances(wallet, ask.now).items())
                if balance and coin in ("", code)
            ]
        }


# -- money


def money_detail(ask: Ask) -> Any:
    """One deposit or withdrawal by its id."""
    wanted = ask.needed("id")
    for shelf in (ask.books.deposits, ask.books.withdrawals):
        for row in shelf.until(ask.now):
            if wanted in row.id.split("|"):
                return {"record": row.tell(ask.now)}
    raise Refusal(60010, "Withdraw/Deposit id not found", 400)


# -- spot orders


def unfinished(shelf: Shelf, now: int) -> Iterator[Row]:
    """Orders that are placed and not yet through, newest first."""
    return (row for row in reversed(shelf.rows) if row.at <= now < row.seen_from)


def open_orders(ask: Ask) -> Any:
    """Orders that still work; without times only those of the last seven days, even here."""
    start, end = ask.number("startTime"), ask.number("endTime")
    if start is not None and end is not None and end <= start:
        raise Refusal(52004, "End time must be later than start time", 400)
    if ask.text("orderMode") not in ("", "spot", "iso_margin"):
        raise Refusal(52000, "Unsupported order mode", 400)
    end = ask.now if end is None else end
    start = end - 7 * DAY if start is None else start
    rows = [
        row.tell(ask.now)
        for row in unfinished(ask.books.orders, ask.now)
        if start <= row.at <= end
    ]
    symbol, mode = ask.text("symbol"), ask.text("orderMode")
    rows = [row for row in rows if symbol in ("", row["symbol"]) and mode in ("", "spot")]
    return rows[: ask.size("limit", 200, 200)]


def one_order(ask: Ask, name: str) -> Any:
    """A spot order by its id or by the caller's, open or finished."""
    wanted, state = ask.needed(name), ask.text("queryState")
    if state not in ("", "open", "history"):
        raise Refusal(50021, "Invalid parameter, queryState", 400)
    for row in ask.books.orders.rows:
        is_open = ask.now < row.seen_from
        if row.at <= ask.now and state in ("", "open" if is_open else "history"):
            told = row.tell(ask.now)
            if told[name] == wanted:
                return told
    raise Refusal(50005, "Order Id not found", 400)


# -- fees


def trade_fee(ask: Ask) -> Any:
    """What a spot pair costs this account."""
    symbol = ask.needed("symbol")
    if symbol not in {market.symbol for market in VENUE.markets}:
        raise Refusal(50001, "Symbol not found", 400)
    fees = {f"{side}_{role}_fee_rate": RATES[role] for side in ("buy", "sell") for role in RATES}
    return {"symbol": symbol, **fees}


def contract_fee(ask: Ask) -> Any:
    """What a contract costs this account."""
    return {
        "symbol": known_contract(ask), "taker_fee_rate": "0.0006", "maker_fee_rate": "0.0002"
    }  # fmt: skip


def known_contract(ask: Ask) -> str:
    """The contract asked for, which is required."""
    symbol = ask.text("symbol")
    if symbol not in {contract.symbol for contract in VENUE.contracts}:
        raise Refusal(40034, "Contract does not exist", 400)
    return symbol


# -- futures


def check_used(ask: Ask) -> None:
    """Refuse an account that never opened futures."""
    if not ask.books.is_used:
        raise Refusal(40046, "Futures account not opened", 403)


def one_contract_order(ask: Ask) -> Any:
    """A futures order by symbol and id."""
    check_used(ask)
    symbol, wanted = known_contract(ask), ask.text("order_id")
    for row in ask.books.contract_orders.rows:
        if row.at <= ask.now and row.id == wanted:
            told = row.tell(ask.now)
            if told["symbol"] == symbol:
                return told
    raise Refusal(40035, "Order does not exist", 400)


def open_contract_orders(ask: Ask) -> Any:
    """Futures orders that still work."""
    check_used(ask)
    rows = [row.tell(ask.now) for row in unfinished(ask.books.contract_orders, ask.now)]
    return [row for row in rows if ask.text("symbol") in ("", row["symbol"])]


def plan_orders(ask: Ask) -> Any:
    """Trigger orders: nobody here has any."""
    check_used(ask)
    return []


def positions_v2(ask: Ask) -> Any:
    """Positions in the second version's words; with a symbol a flat one has zero rows, too."""
    check_used(ask)
    symbol, rows = ask.text("symbol"), []
    for told in ask.books.positions(ask.now):
        row = {TO_V2.get(name, name): value for name, value in told.items()}
        rows.append(
            row
            | {
                "open_type": "cross",
                "position_side": "long" if row.pop("position_type") == 1 else "short",
                "liquidation_price": "0",
                "max_notional_value": "5000000",
                "initial_margin": told["position_cross"],
            }
        )
    if not symbol:
        return rows
    found = [row for row in rows if row["symbol"] == symbol]
    sides = {row["position_side"] for row in found}
    return found + [flat(known_contract(ask), side, ask.now) for side in ("long", "short")
                    if side not in sides]  # fmt: skip


def flat(symbol: str, side: str, now: int) -> dict[str, Any]:
    """A side of a contract that nothing is held of."""
    zeros = (
        "current_fee", "current_value", "mark_value", "mark_price", "position_value",
        "position_cross", "maintenance_margin", "close_vol", "close_avg_price", "open_avg_price",
        "entry_price", "position_amount", "unrealized_pnl", "realized_value", "liquidation_price",
        "initial_margin",
    )  # fmt: skip
    return {
        "symbol": symbol, "leverage": "5", "timestamp": now, "open_timestamp": 0,
        "open_type": "cross", "position_mode": "hedge_mode", "position_side": side,
        "max_notional_value": "5000000", "account": "futures", **dict.fromkeys(zeros, NONE_YET),
    }  # fmt: skip


def positions_at_risk(ask: Ask) -> Any:
    """Positions as the risk route tells them; its time is in seconds."""
    check_used(ask)
    return [
        {
            "symbol": told["symbol"],
            "position_amt": told["current_amount"],
            "mark_price": told["mark_price"],
            "entry_price": told["entry_price"],
            "unrealized_profit": told["unrealized_value"],
            "isolated_margin": NONE_YET,
            "position_side": "Long" if told["position_type"] == 1 else "Short",
            "notional": told["position_value"],
            "leverage": told["leverage"],
            "update_time": ask.now // 1_000,
        }
        for told in ask.books.positions(ask.now)
        if ask.text("symbol") in ("", told["symbol"])
    ]


# -- sub-accounts, as their main account sees them


def check_owner(ask: Ask) -> None:
    """Refuse whoever is no institution."""
    if ask.profile.uid not in SUB_NAMES:
        raise Refusal(61006, "Only institutional users may do this", 403)


def sub_named(ask: Ask, name: str) -> str:
    """The uid of the caller's sub-account of that name."""
    check_owner(ask)
    for uid, known in SUB_NAMES.items():
        if known == name and uid != ORGANISATION:
            return uid
    raise Refusal(61003, "Sub-account not found", 400)


def sub_transfers(ask: Ask) -> Any:
    """The newest N moves between spot wallets, of all sub-accounts or of one."""
    check_owner(ask)
    wanted, name = ask.size("N", 0, 100), ask.text("accountName")
    if ask.text("moveType") != "spot to spot" or not wanted:
        raise Refusal(60000, NO_SENSE, 400)
    moves = [m for m in ask.books.subs("spot", ask.now) if m.at >= ask.now - 90 * DAY]
    if name:
        sub_named(ask, name)
        moves = [m for m in moves if name in (m.sender, m.receiver)]
    return {"total": len(moves), "historyList": [m.told for m in moves[:wanted]]}


def futures_sub_transfers(ask: Ask) -> Any:
    """The newest moves between futures wallets with one sub-account, as a bare list."""
    name, wanted = ask.needed("subAccount"), ask.size("limit", 0, 100)
    sub_named(ask, name)
    if not wanted:
        raise Refusal(60000, NO_SENSE, 400)
    moves = [m for m in ask.books.subs("futures", ask.now) if name in (m.sender, m.receiver)]
    return [m.told for m in moves[:wanted]]
