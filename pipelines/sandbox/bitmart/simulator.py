"""BitMart's stand-in: spot, funding and futures reads of the global exchange.

Spot and futures paths live on two hosts there and on one port here. Answers are as large as the
route allows and say nothing of what they leave out; a parameter nobody knows is ignored.

Switches (`options` of the sandbox): bitmart.too_old ("50041"; "empty" answers with nothing),
bitmart.ledger_floor_days (180; None keeps all), bitmart.exclusive_end (False), bitmart.wind_down
(True: after trading ended on 2026-08-26 money only goes out, and from the end of January all is
silent).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from pipelines.sandbox.bitmart.beside import GONE, Beside, check_owner, check_used
from pipelines.sandbox.bitmart.books import PAIR, Books, Row, Shelf
from pipelines.sandbox.bitmart.keys import (
    EMPTY,
    INTER,
    MAIN,
    ORGANISATION,
    SUB_NAMES,
    TRADES,
    YOUNG,
    Keyring,
    Limits,
    Refusal,
)
from pipelines.sandbox.bitmart.market import (
    PLATFORM_ENDS,
    TRADING_ENDS,
    VENUE,
    as_json,
    coins,
    contracts,
    currencies,
    maintenance,
    symbols,
)
from pipelines.sandbox.bitmart.request import NO_SENSE, Ask, Route
from pipelines.sandbox.bitmart.truth import tell_truth
from pipelines.sandbox.engine.account import (
    DAY,
    HOUR,
    SECOND,
    AccountPlan,
    Life,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.dialect import Answer, Call, Card, World
from pipelines.sandbox.engine.life import generate

MEMORY = 90 * DAY
CODES = {
    "429": (30013, "Request too many requests", 429),
    "418": (30017, "Your account request is temporarily rejected due to violation", 418),
    "30014": (30014, "Service unavailable", 503),
    "30016": (30016, "Service maintenance, the system is being upgraded", 200),
    "30031": (30031, "This endpoint is deprecated", 200),
    "40012": (40012, "System error", 500),
    "30007": (30007, "Header X-BM-TIMESTAMP range. Within a minute", 401),
}


class BitMart:
    """BitMart's routes over the accounts of this world."""

    name = "bitmart"

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, world.clock
        self._keys = Keyring(world.seed)
        self._limits = Limits(world.pace)
        self._books: dict[str, Books] = {}
        self._too_old = str(world.option("bitmart.too_old", "50041"))
        self._exclusive_end = bool(world.option("bitmart.exclusive_end", False))
        floor = world.option("bitmart.ledger_floor_days", 180)
        self._ledger_floor = None if floor is None else int(floor) * DAY
        self._winds_down = bool(world.option("bitmart.wind_down", True))
        self._public = self._public_routes()
        self._private = self._private_routes()

    def _public_routes(self) -> dict[str, tuple[Callable[[dict[str, str], int], Any], int]]:
        return {
            "/system/time": (lambda params, now: {"server_time": now}, 20),
            "/system/service": (lambda params, now: {"service": maintenance()}, 20),
            "/account/v1/currencies": (self._currencies, 2),
            "/spot/v1/currencies": (
                lambda params, now: {"currencies": coins(self._is_late(now))}, 8,
            ),
            "/spot/v1/symbols/details": (
                lambda params, now: {"symbols": symbols(self._is_late(now))}, 12,
            ),
            "/contract/public/details": (
                lambda params, now: {"symbols": contracts(now, params.get("symbol", ""))}, 12,
            ),
        }  # fmt: skip

    def _private_routes(self) -> dict[str, Route]:
        return {
            "/spot/v1/user_fee": Route(self._user_fee, 2),
            "/account/v1/withdraw/charge": Route(self._charge, 8, right="Withdraw"),
            "/spot/v4/query/trades": Route(self._fills, 12, "POST", word="success"),
            "/spot/v4/query/history-orders": Route(self._orders, 12, "POST", word="success"),
            "/spot/v4/query/order-trades": Route(self._order_fills, 12, "POST", word="success"),
            "/account/v2/deposit-withdraw/history": Route(self._money, 8, not_for_subs=True),
            "/account/v1/wallet": Route(self._account_wallet, 12),
            "/spot/v1/wallet": Route(self._spot_wallet, 12),
            "/spot/v1/margin/isolated/account": Route(self._margin_account, 12),
            "/spot/v1/margin/isolated/borrow_record": Route(self._borrows, 150),
            "/spot/v1/margin/isolated/repay_record": Route(self._repayments, 150),
            "/account/v1/transfer-contract-list": Route(
                self._transfer_list, 1, "POST", right=TRADES
            ),
            "/account/sub-account/main/v1/subaccount-list": Route(
                self._sub_accounts, 8, right=INTER, not_for_subs=True
            ),
            "/account/sub-account/v1/transfer-history": Route(self._sub_transfers, 8, right=INTER),
            "/account/contract/sub-account/v1/transfer-history": Route(
                self._futures_sub_transfers, 8, right=INTER
            ),
            "/contract/private/trades": Route(self._contract_fills, 6, word="Ok"),
            "/contract/private/transaction-history": Route(self._ledger, 6, word="Ok"),
            "/contract/private/order-history": Route(self._contract_orders, 6, word="Ok"),
            "/contract/private/assets-detail": Route(self._assets, 12, word="Ok"),
            "/contract/private/position": Route(self._positions, 6, word="Ok"),
            **Beside(self.books).routes(),
        }

    # -- who is there

    def cards(self) -> list[Card]:
        """Every key, the main read-only one first."""
        return list(self._keys.cards)

    def label_of(self, call: Call) -> str:
        """The label of the key in the X-BM-KEY header."""
        return self._keys.label_of(call)

    def books(self, uid: str) -> Books:
        """The rows of that account; generated when first asked for."""
        if uid not in self._books:
            self._books[uid] = Books(self._life(uid), uid, SUB_NAMES.get(uid, ""))
        return self._books[uid]

    def _life(self, uid: str) -> Life:
        world = self.world
        end, future = world.end, world.future
        if self._winds_down and end + future > TRADING_ENDS:
            future = max(0, TRADING_ENDS - end)
            end = min(end, TRADING_ENDS)
        fills, opened_at = world.fills, end - (world.end - world.opened_at)
        if uid == EMPTY:
            fills, opened_at = 0, end - 40 * DAY
        elif uid == YOUNG:
            fills, opened_at = min(fills, 60), end - 50 * DAY
        elif uid != MAIN:
            fills = min(fills, 60)
        life = generate(
            AccountPlan(
                venue=VENUE, seed=world.seed + int(uid[-2:]), fills=fills, opened_at=opened_at,
                end=end, future=future if fills else 0,
                tie_groups=world.tie_groups if uid == MAIN else None,
                arrivals=world.arrivals(self.name) if uid == MAIN else (),
                departures=world.departures(self.name) if uid == MAIN else (),
            )
        )  # fmt: skip
        if self._winds_down and uid == MAIN:
            life.events.append(way_out(life))
        return life

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """What really happened to that key's account up to `at`."""
        card = next(card for card in self.cards() if card.label == label)
        books = self.books(self._keys.profiles[label].uid)
        return tell_truth(books, card.account_id, card.uid, at, parts)

    def _is_late(self, now: int) -> bool:
        """Whether the pair that was traded only briefly is delisted by now."""
        world = self.world
        return now > world.opened_at + (world.end - world.opened_at) // 2

    # -- answering

    def fault(self, name: str, call: Call) -> Answer | None:
        """BitMart's shape of a failure, by status or by its own code."""
        return self._error(Refusal(*CODES[name])) if name in CODES else None

    def handle(self, call: Call) -> Answer:
        """The answer to one request, checked in BitMart's order."""
        now = self.clock.now_ms()
        if call.headers.get("user-agent", "").startswith(REFUSED_NAMES):
            return Answer(403, FIREWALL, content_type="text/html")
        try:
            if self._winds_down and now >= PLATFORM_ENDS:
                raise Refusal(30014, "Service unavailable", 503)
            if call.path in self._public:
                tell, allowed = self._public[call.path]
                used = self._limits.count(f"ip:{call.ip}", call.path, allowed, now)
                return self._success(tell(call.params(), now), allowed, used)
            return self._answer_private(call, now)
        except Refusal as refusal:
            return self._error(refusal, self._headers(call, now))

    def _headers(self, call: Call, now: int) -> tuple[tuple[str, str], ...]:
        """What a refusal tells of the route's limit: without another request counted."""
        known = self._public.get(call.path)
        allowed = known[1] if known else 0
        who = f"ip:{call.ip}"
        if call.path in self._private:
            allowed, who = self._private[call.path].allowed, self.label_of(call)
        return rate_headers(allowed, self._limits.used(who, call.path, now)) if allowed else ()

    def _answer_private(self, call: Call, now: int) -> Answer:
        route = self._private.get(call.path)
        if call.path in GONE:
            raise Refusal(*CODES["30031"])
        if route is None:
            raise Refusal(30000, "Not found", 404)
        if call.method != route.method:
            code = 60030 if call.path.startswith("/account/") else 57001
            raise Refusal(code, "Method Not Allowed", 405)
        profile = self._keys.identify(call)
        if route.method == "POST":
            self._keys.check_signature(call, now)
        if route.right and route.right not in profile.rights:
            raise Refusal(30012, "Header X-BM-KEY is forbidden to request it", 403)
        if route.not_for_subs and profile.is_sub:
            raise Refusal(60026, "Sub-account does not have permission", 403)
        used = self._limits.count(profile.label, call.path, route.allowed, now)
        params: dict[str, Any] = dict(call.params())
        if route.method == "POST":
            params = _body(call)
        data = route.answer(Ask(params, now, profile, self.books(profile.uid), call.path))
        return self._success(data, route.allowed, used, route.word)

    @staticmethod
    def _success(data: Any, allowed: int, used: int, word: str = "OK") -> Answer:
        body = {"code": 1000, "message": word, "trace": TRACE, "data": data}
        return Answer(200, as_json(body), rate_headers(allowed, used))

    @staticmethod
    def _error(refusal: Refusal, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
        body = {"message": refusal.text, "code": refusal.code, "trace": "N/A", "data": {}}
        return Answer(
            refusal.status, as_json(body), headers or (("X-BM-RateLimit-Reset", "2"),),
            "text/plain;charset=UTF-8",
        )  # fmt: skip

    # -- spans

    def _v4(self, ask: Ask, shelf: Shelf) -> list[dict[str, Any]]:
        """The newest rows of a span; the last seven days, where no time is given."""
        start, end = ask.number("startTime"), ask.number("endTime")
        if start is not None and end is not None and end <= start:
            raise Refusal(52004, "End time must be later than start time", 400)
        limit = ask.size("limit", 200, 200)
        mode = ask.text("orderMode")
        if mode not in ("", "spot", "iso_margin"):
            raise Refusal(52000, "Unsupported order mode", 400)
        end = ask.now if end is None else end
        start = end - 7 * DAY if start is None else start
        floor = ask.now - MEMORY
        if start < floor:
            if self._too_old == "50041":
                raise Refusal(50041, "Out of query time range", 400)
            start = floor
        symbol = ask.text("symbol")

        def keep(row: Row) -> bool:
            first = row.event[0] if isinstance(row.event, list) else row.event
            return symbol in ("", first.market.symbol) and mode != "iso_margin"

        return shelf.newest(start, self._upto(end), ask.now, limit, keep)

    def _upto(self, end: int) -> int:
        return end - 1 if self._exclusive_end else end

    def _fills(self, ask: Ask) -> Any:
        return self._v4(ask, ask.books.fills)

    def _orders(self, ask: Ask) -> Any:
        return self._v4(ask, ask.books.orders)

    def _order_fills(self, ask: Ask) -> Any:
        wanted = ask.text("orderId")
        rows = [row.tell(ask.now) for row in ask.books.fills.until(ask.now)]
        found = [row for row in rows if row["orderId"] == wanted]
        if not found:
            raise Refusal(50005, "Order Id not found", 400)
        return found

    def _money(self, ask: Ask) -> Any:
        """Deposits or withdrawals: the newest N of a span under 90 days."""
        kind = ask.text("operation_type")
        if kind not in ("deposit", "withdraw"):
            raise Refusal(60000, NO_SENSE, 400)
        limit = ask.size("N", 0, 1000)
        if not limit:
            raise Refusal(60000, NO_SENSE, 400)
        start, end = ask.number("startTime"), ask.number("endTime")
        if start is not None and end is not None:
            if end - start >= 90 * DAY:
                raise Refusal(60067, "The query time range must be less than 90 days", 400)
        else:
            start = ask.now - 90 * DAY if start is None else start
            end = ask.now if end is None else end
            if not 0 <= end - start <= 90 * DAY:
                raise Refusal(60066, "Time range must be within 0 and 90 days", 400)
        books = ask.books
        shelf = books.deposits if kind == "deposit" else books.withdrawals
        coin = ask.text("currency")
        rows = shelf.newest(
            start, self._upto(end), ask.now, limit,
            lambda row: coin in ("", row.event.asset, row.tell(ask.now)["currency"]),
        )  # fmt: skip
        return {"records": rows}

    def _futures_span(self, ask: Ask, unit: int) -> tuple[int, int]:
        """A span in the route's unit; the last seven days, where no time is given."""
        check_used(ask)
        start, end = ask.number("start_time"), ask.number("end_time")
        last = ask.now if end is None else end * unit
        first = last - 7 * DAY if start is None else start * unit
        if first > last:
            raise Refusal(40039, "Invalid timestamp", 400)
        return first, last

    def _contract_rows(self, ask: Ask, shelf: Shelf) -> list[dict[str, Any]]:
        """At most 200 rows, in seconds, within 90 days."""
        start, end = self._futures_span(ask, SECOND)
        if end - start > 90 * DAY:
            raise Refusal(40011, "Invalid parameter", 400)
        start = max(start, ask.now - MEMORY)
        wanted = {name: ask.text(name) for name in ("symbol", "order_id", "client_order_id")}
        account = ask.text("account") or "futures"

        def keep(row: Row) -> bool:
            told = row.tell(ask.now)
            return told["account"] == account and all(
                word in ("", told.get(name, word)) for name, word in wanted.items()
            )

        return shelf.newest(start, self._upto(end), ask.now, 200, keep)

    def _contract_fills(self, ask: Ask) -> Any:
        return self._contract_rows(ask, ask.books.contract_fills)

    def _contract_orders(self, ask: Ask) -> Any:
        if not ask.text("symbol"):
            raise Refusal(40011, "Invalid parameter", 400)
        # An empty list of orders comes as null.
        return self._contract_rows(ask, ask.books.contract_orders) or None

    def _ledger(self, ask: Ask) -> Any:
        """The newest rows of the futures ledger, in milliseconds; no page parameter exists."""
        start, end = self._futures_span(ask, 1)
        limit = ask.size("page_size", 100, 1000)
        if self._ledger_floor is not None:
            start = max(start, ask.now - self._ledger_floor)
        flow_type, symbol = ask.number("flow_type") or 0, ask.text("symbol")
        account = ask.text("account") or "futures"

        def keep(row: Row) -> bool:
            entry = row.event
            return (
                entry.account == account
                and flow_type in (0, entry.flow_type)
                and symbol in ("", entry.symbol)
            )

        return ask.books.ledger.newest(start, self._upto(end), ask.now, limit, keep)

    def _transfer_list(self, ask: Ask) -> Any:
        """All there are, or those of a span, newest first, page by page."""
        page, limit = ask.number("page") or 0, ask.size("limit", 0, 100)
        start, end = ask.number("time_start"), ask.number("time_end")
        is_turned = start is not None and end is not None and end <= start
        if not 1 <= page <= 1_000 or limit < 10 or is_turned:
            raise Refusal(60000, NO_SENSE, 400)
        last = ask.now if end is None else min(self._upto(end), ask.now)
        moved = [
            entry
            for entry in reversed(ask.books.entries)
            if entry.type == "Transfer" and entry.event >= 0
            if (start or 0) <= entry.at <= last and ask.text("currency") in ("", "USDT")
        ]
        rows = [
            {
                "transfer_id": entry.tran_id,
                "currency": "USDT",
                "amount": exact(abs(entry.amount), ask.books.scale["USDT"]),
                "type": "spot_to_contract" if entry.amount > 0 else "contract_to_spot",
                "state": "FINISHED",
                "timestamp": entry.at,
            }
            for entry in moved
        ]
        return {"records": rows[(page - 1) * limit : page * limit]}

    # -- sub-accounts

    def _sub_accounts(self, ask: Ask) -> Any:
        check_owner(ask)
        others = [name for uid, name in SUB_NAMES.items() if uid != ORGANISATION]
        return {"subAccountList": [{"accountName": name, "status": 1} for name in others]}

    def _sub_transfers(self, ask: Ask) -> Any:
        """The newest N of three months; they are told in seconds."""
        check_owner(ask)
        wanted = ask.size("N", 0, 100)
        if ask.text("moveType") != "spot to spot" or not wanted:
            raise Refusal(60000, NO_SENSE, 400)
        recent = [m for m in ask.books.subs("spot", ask.now) if m.at >= ask.now - MEMORY]
        return {"total": len(recent), "historyList": [m.told for m in recent[:wanted]]}

    def _futures_sub_transfers(self, ask: Ask) -> Any:
        """The newest of them, as a bare list."""
        check_owner(ask)
        wanted = ask.size("limit", 0, 100)
        if not wanted:
            raise Refusal(60000, NO_SENSE, 400)
        return [move.told for move in ask.books.subs("futures", ask.now)[:wanted]]

    # -- what is now

    def _user_fee(self, ask: Ask) -> Any:
        rates = {f"{kind}_fee_rate_{c}": "0.001" for c in "ABCD" for kind in ("taker", "maker")}
        return {"user_rate_type": 0, "level": "LV1", **rates}

    def _charge(self, ask: Ask) -> Any:
        return {
            "today_available_withdraw_BTC": "2.0000",
            "min_withdraw": "0.001",
            "withdraw_precision": 8,
            "withdraw_fee": "0.0005",
        }

    def _account_wallet(self, ask: Ask) -> Any:
        """Balances above zero; what pending withdrawals hold is unavailable, not frozen."""
        books, held = ask.books, ask.books.held(ask.now)
        return {
            "wallet": [
                {
                    "currency": coin,
                    "name": coin,
                    "available": books.text(coin, balance - held.get(coin, 0)),
                    "available_usd_valuation": None,
                    "frozen": "0.00000000",
                    "unAvailable": books.text(coin, held.get(coin, 0)),
                }
                for coin, balance in sorted(books.balances("spot", ask.now).items())
                if balance
            ]
        }

    def _spot_wallet(self, ask: Ask) -> Any:
        books, held = ask.books, ask.books.held(ask.now)
        return {
            "wallet": [
                {
                    "id": coin,
                    "name": coin,
                    "available": books.text(coin, balance - held.get(coin, 0)),
                    "frozen": "0.00000000",
                    "total": books.text(coin, balance),
                }
                for coin, balance in sorted(books.balances("spot", ask.now).items())
            ]
        }

    def _margin_account(self, ask: Ask) -> Any:
        if not ask.books.is_used:
            raise Refusal(51001, "You do not have a margin account opened", 400)
        owed = "150.00000000" if len(ask.books.borrows(ask.now)) > 1 else "0.00000000"
        side = {
            "borrow_enabled": True, "borrowed": "0.00000000", "borrow_unpaid": "0.00000000",
            "interest_unpaid": "0.00000000", "available": "0.00000000", "frozen": "0.00000000",
            "net_asset": "0.00000000", "net_assetBTC": "0.00000000",
            "total_asset": "0.00000000",
        }  # fmt: skip
        quote = {
            **side, "borrowed": owed, "borrow_unpaid": owed, "available": owed,
            "total_asset": owed,
        }  # fmt: skip
        row = {
            "symbol": PAIR,
            "risk_rate": "999.00",
            "risk_level": "1",
            "buy_enabled": True,
            "sell_enabled": True,
            "liquidate_price": None,
            "liquidate_rate": "1.15",
            "base": {"currency": "ETH", **side},
            "quote": {"currency": "USDT", **quote},
        }
        return {"symbols": [row]}

    def _borrows(self, ask: Ask) -> Any:
        return {"records": self._loans_of(ask, ask.books.borrows(ask.now), "create_time")}

    def _repayments(self, ask: Ask) -> Any:
        return {"records": self._loans_of(ask, ask.books.repayments(ask.now), "repay_time")}

    @staticmethod
    def _loans_of(ask: Ask, rows: list[dict[str, Any]], clock: str) -> list[dict[str, Any]]:
        symbol = ask.text("symbol")
        if not symbol:
            raise Refusal(50021, "Invalid parameter, symbol", 400)
        if not ask.books.is_used:
            raise Refusal(51001, "You do not have a margin account opened", 400)
        start, end = ask.number("start_time") or 0, ask.number("end_time") or ask.now
        found = [row for row in rows if row["symbol"] == symbol]
        found = [row for row in found if start <= _millis(row[clock]) <= end]
        return found[: ask.size("N", 50, 100)]

    def _assets(self, ask: Ask) -> Any:
        check_used(ask)
        books = ask.books
        balance = books.balances("futures", ask.now).get("USDT", 0)
        is_open = bool(books.positions(ask.now))
        deposit = balance // 4 if is_open else 0
        gain = 188 * 10 ** (books.scale["USDT"] - 2) if is_open else 0

        def text(amount: int) -> str:
            return exact(amount, books.scale["USDT"])

        return [
            {
                "currency": "USDT",
                "position_deposit": text(deposit),
                "frozen_balance": "0",
                "available_balance": text(balance - deposit),
                "equity": text(balance + gain),
                "unrealized": text(gain),
            },
            {
                "currency": "BTC", "position_deposit": "0", "frozen_balance": "0",
                "available_balance": "0", "equity": "0", "unrealized": "0",
            },
        ]  # fmt: skip

    def _positions(self, ask: Ask) -> Any:
        check_used(ask)
        return ask.books.positions(ask.now)

    def _currencies(self, params: dict[str, str], now: int) -> Any:
        wanted = frozenset(params.get("currencies", "").split(",")) - {""}
        return {"currencies": currencies(self._is_late(now), wanted)}


REFUSED_NAMES = ("Python-urllib", "Go-http-client")
FIREWALL = b"<!DOCTYPE html><html><title>Access denied</title>error code: 1010</html>"
TRACE = "7f02c6d1b8e34a10a6d4c9e15b7320fd.63.17840214700012345"


def rate_headers(allowed: int, used: int) -> tuple[tuple[str, str], ...]:
    """What every reply tells of a limit; `Remaining` are the used ones, whatever it is called."""
    return (
        ("X-BM-RateLimit-Remaining", str(used)),
        ("X-BM-RateLimit-Limit", str(allowed)),
        ("X-BM-RateLimit-Reset", "2"),
    )


def way_out(life: Life) -> Withdrawal:
    """Money taken out after trading has ended, which goes on until the platform ends."""
    at = TRADING_ENDS + 20 * DAY
    held = life.held(at).get(("spot", "USDT"), 0)
    free = max(0, life.balances(at)["spot"].get("USDT", 0) - held)
    return Withdrawal(
        seq=len(life.events), at=at, wallet="spot", asset="USDT", amount=free // 10,
        fee=free // 1_000, status="completed", done_at=at + HOUR, network="TRC20",
        address="TQexampleexampleexampleexampleexa9", tx=f"{at:064x}",
    )  # fmt: skip


def _body(call: Call) -> dict[str, Any]:
    try:
        body = json.loads(call.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refusal(30018, "Request Body requires JSON format", 503)
    return body


def _millis(time: int) -> int:
    return time * 1_000 if time < 10**11 else time


def build(world: World) -> BitMart:
    """BitMart's stand-in in that world."""
    return BitMart(world)
