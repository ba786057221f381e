"""BitMart's routes that are not lists: what an account holds now, one record, fees.

General clients request them before or next to the lists; all come from the same ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipelines.sandbox.bitmart.keys import ORGANISATION, SUB_NAMES
from pipelines.sandbox.bitmart.ledger import PAIR, BitMartLedger
from pipelines.sandbox.bitmart.market import VENUE
from pipelines.sandbox.engine.account import exact
from pipelines.sandbox.engine.wire import Error, Refusal, Request

RATES = {"taker": "0.001", "maker": "0.0008"}
NO_ORDER = Error(400, 50005, "Order Id not found")
NO_CONTRACT = Error(400, 40034, "Contract does not exist")
ZERO, NOTHING = "0", "0.00000000"
CONTRACT_SYMBOLS = frozenset(contract.symbol for contract in VENUE.contracts)
TO_V2 = {
    "margin_type": "open_type", "current_amount": "position_amount",
    "unrealized_value": "unrealized_pnl",
}  # fmt: skip
"""Names of a position's fields on the older route, and on the second version of it."""


def check_used(request: Request) -> None:
    """Refuse an account that never opened futures."""
    if not request.account.is_used:
        raise Refusal(403, 40046, "Futures account not opened")


def used(answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
    """An answer for accounts that opened futures only."""

    def checked(request: Request) -> Any:
        check_used(request)
        return answer(request)

    return checked


# -- one record


def money_detail(request: Request) -> Any:
    """One deposit or withdrawal by its id."""
    for name, number in (("deposits", "{}|"), ("withdrawals", "|{}")):
        table = request.account.tables[name]
        n = table.find(number.format(request.text("id")), request.now)
        if n is not None:
            return {"record": table.row(n, request.now)}
    raise Refusal(400, 60010, "Withdraw/Deposit id not found")


def order_fills(request: Request) -> Any:
    """The fills of one spot order."""
    table = request.account.tables["spot_fills"]
    rows = (table.row(n, request.now) for n in table.select(request.now))
    found = [row for row in rows if row["orderId"] == request.text("orderId")]
    if not found:
        raise Refusal(*NO_ORDER)
    return found


def one_order(name: str) -> Callable[[Request], Any]:
    """A spot order by its id or by the caller's, open or finished."""

    def answer(request: Request) -> Any:
        table, now, state = request.account.tables["spot_orders"], request.now, "queryState"
        rows = {"history": table.select(now), "open": table.unfinished(now)}
        for kind, numbers in rows.items():
            if request.text(state) in ("", kind):
                for n in numbers:
                    if (row := table.row(n, now))[name] == request.text(name):
                        return row
        raise Refusal(*NO_ORDER)

    return answer


def one_contract_order(request: Request) -> Any:
    """A futures order by symbol and id."""
    table = request.account.tables["futures_orders"]
    place = table.place.get(request.text("order_id"))
    if place is not None and table.at[place] <= request.now:
        row = table.row(place, request.now)
        if row["symbol"] == request.text("symbol"):
            return row
    raise Refusal(400, 40035, "Order does not exist")


# -- fees


def user_fee(request: Request) -> Any:
    """Fee rates of spot trading, by class of pair."""
    rates = {f"{kind}_fee_rate_{c}": "0.001" for c in "ABCD" for kind in ("taker", "maker")}
    return {"user_rate_type": 0, "level": "LV1", **rates}


def trade_fee(request: Request) -> Any:
    """Fee rates of a spot pair for this account."""
    symbol = request.text("symbol")
    if symbol not in {market.symbol for market in VENUE.markets}:
        raise Refusal(400, 50001, "Symbol not found")
    fees = {f"{side}_{role}_fee_rate": RATES[role] for side in ("buy", "sell") for role in RATES}
    return {"symbol": symbol, **fees}


def contract_fee(request: Request) -> Any:
    """Fee rates of a contract for this account."""
    symbol = request.text("symbol")
    return {"symbol": symbol, "taker_fee_rate": "0.0006", "maker_fee_rate": "0.0002"}


def charge(request: Request) -> Any:
    """The fee of a withdrawal."""
    return {
        "today_available_withdraw_BTC": "2.0000", "min_withdraw": "0.001",
        "withdraw_precision": 8, "withdraw_fee": "0.0005",
    }  # fmt: skip


# -- balances


def account_wallet(request: Request) -> Any:
    """Balances above zero; amounts of pending withdrawals are unavailable, not frozen."""
    ledger, held = request.account, request.account.held(request.now)
    return {
        "wallet": [
            {
                "currency": coin,
                "name": coin,
                "available": ledger.text(coin, balance - held.get(coin, 0)),
                "available_usd_valuation": None,
                "frozen": NOTHING,
                "unAvailable": ledger.text(coin, held.get(coin, 0)),
            }
            for coin, balance in sorted(ledger.balances(request.now)["spot"].items())
            if balance
        ]
    }


def spot_wallet(request: Request) -> Any:
    """Every balance of the spot wallet."""
    ledger, held = request.account, request.account.held(request.now)
    return {
        "wallet": [
            {
                "id": coin,
                "name": coin,
                "available": ledger.text(coin, balance - held.get(coin, 0)),
                "frozen": NOTHING,
                "total": ledger.text(coin, balance),
            }
            for coin, balance in sorted(ledger.balances(request.now)["spot"].items())
        ]
    }


def sub_named(name: str) -> str:
    """The uid of the sub-account of that name."""
    for uid, known in SUB_NAMES.items():
        if known == name and uid != ORGANISATION:
            return uid
    raise Refusal(400, 61003, "Sub-account not found")


def sub_accounts(request: Request) -> Any:
    """The sub-accounts of an institution."""
    others = [name for uid, name in SUB_NAMES.items() if uid != ORGANISATION]
    return {"subAccountList": [{"accountName": name, "status": 1} for name in others]}


def sub_wallet(
    wallet: str, account: Callable[[str], BitMartLedger]
) -> Callable[[Request], Any]:
    """The balances of a sub-account, as listed for its main account."""

    def answer(request: Request) -> Any:
        ledger = account(sub_named(request.text("subAccount")))
        return {
            "wallet": [
                {
                    "currency": code,
                    "name": code,
                    "available": ledger.text(code, balance),
                    "frozen": NOTHING,
                }
                for code, balance in sorted(ledger.balances(request.now)[wallet].items())
                if balance and request.text("currency") in ("", code)
            ]
        }

    return answer


# -- isolated margin


def check_margin(request: Request) -> None:
    """Refuse an account without a margin account."""
    if not request.account.is_used:
        raise Refusal(400, 51001, "You do not have a margin account opened")


def margin_account(request: Request) -> Any:
    """The pair with isolated margin."""
    check_margin(request)
    owed = "150.00000000" if len(request.account.borrows(request.now)) > 1 else NOTHING
    names = ("borrowed", "borrow_unpaid", "interest_unpaid", "available", "frozen", "net_asset",
             "net_assetBTC", "total_asset")  # fmt: skip
    side = {"borrow_enabled": True, **dict.fromkeys(names, NOTHING)}
    lent = dict.fromkeys(("borrowed", "borrow_unpaid", "available", "total_asset"), owed)
    row = {
        "symbol": PAIR, "risk_rate": "999.00", "risk_level": "1", "buy_enabled": True,
        "sell_enabled": True, "liquidate_price": None, "liquidate_rate": "1.15",
        "base": {"currency": "ETH", **side},
        "quote": {"currency": "USDT", **side, **lent},
    }  # fmt: skip
    return {"symbols": [row]}


def loans(name: str, clock: str) -> Callable[[Request], Any]:
    """Loans or repayments on a pair, newest first; their times are in seconds or milliseconds."""

    def answer(request: Request) -> Any:
        check_margin(request)
        start = request.number("start_time") or 0
        end = request.number("end_time") or request.now
        rows = [
            row
            for row in getattr(request.account, name)(request.now)
            if row["symbol"] == request.text("symbol") and start <= _millis(row[clock]) <= end
        ]
        return {"records": rows[: request.number("N")]}

    return answer


def _millis(time: int) -> int:
    return time * 1_000 if time < 10**11 else time


# -- futures


def assets(request: Request) -> Any:
    """The futures wallet: cash, and what a position locks of it."""
    ledger = request.account
    balance = ledger.balances(request.now)["futures"].get("USDT", 0)
    is_open, scale = bool(ledger.positions(request.now)), ledger.scales["USDT"]
    locked = balance // 4 if is_open else 0
    gain = 188 * 10 ** (scale - 2) if is_open else 0
    return [
        {
            "currency": "USDT",
            "position_deposit": exact(locked, scale),
            "frozen_balance": ZERO,
            "available_balance": exact(balance - locked, scale),
            "equity": exact(balance + gain, scale),
            "unrealized": exact(gain, scale),
        },
        {"currency": "BTC"}
        | dict.fromkeys(
            ("position_deposit", "frozen_balance", "available_balance", "equity", "unrealized"),
            ZERO,
        ),
    ]


def positions_v2(request: Request) -> Any:
    """Positions in the second version's words; with a symbol a flat one has zero rows, too."""
    symbol, rows = request.text("symbol"), []
    for position in request.account.positions(request.now):
        row = {TO_V2.get(name, name): value for name, value in position.items()}
        rows.append(
            row
            | {
                "open_type": "cross",
                "position_side": "long" if row.pop("position_type") == 1 else "short",
                "liquidation_price": ZERO,
                "max_notional_value": "5000000",
                "initial_margin": position["position_cross"],
            }
        )
    if not symbol:
        return rows
    if symbol not in CONTRACT_SYMBOLS:
        raise Refusal(*NO_CONTRACT)
    found = [row for row in rows if row["symbol"] == symbol]
    sides = {row["position_side"] for row in found}
    return found + [
        flat(symbol, side, request.now) for side in ("long", "short") if side not in sides
    ]


def flat(symbol: str, side: str, now: int) -> dict[str, Any]:
    """A side of a contract without a position."""
    zeros = (
        "current_fee", "current_value", "mark_value", "mark_price", "position_value",
        "position_cross", "maintenance_margin", "close_vol", "close_avg_price", "open_avg_price",
        "entry_price", "position_amount", "unrealized_pnl", "realized_value", "liquidation_price",
        "initial_margin",
    )  # fmt: skip
    return {
        "symbol": symbol, "leverage": "5", "timestamp": now, "open_timestamp": 0,
        "open_type": "cross", "position_mode": "hedge_mode", "position_side": side,
        "max_notional_value": "5000000", "account": "futures", **dict.fromkeys(zeros, ZERO),
    }  # fmt: skip


def positions_at_risk(request: Request) -> Any:
    """Positions as the risk route writes them; its time is in seconds."""
    return [
        {
            "symbol": position["symbol"],
            "position_amt": position["current_amount"],
            "mark_price": position["mark_price"],
            "entry_price": position["entry_price"],
            "unrealized_profit": position["unrealized_value"],
            "isolated_margin": ZERO,
            "position_side": "Long" if position["position_type"] == 1 else "Short",
            "notional": position["position_value"],
            "leverage": position["leverage"],
            "update_time": request.now // 1_000,
        }
        for position in request.account.positions(request.now)
        if request.text("symbol") in ("", position["symbol"])
    ]
