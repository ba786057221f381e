"""BigONE's stand-in: spot and wallet, convert, and the contract service, each with its own style.

It refuses what BigONE refuses, in its order, with its codes and bodies; tokens are checked here
from the published rule, and nothing is shared with the client that is tested on it.

Switches (`options` of the sandbox): bigone.delisted_answers (True), bigone.withdrawal_amount
("net", or "gross"), bigone.old_fees (True: old withdrawals tell theirs), bigone.balance
("total", or "available").
"""

from __future__ import annotations

import base64
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipelines.sandbox.bigone.books import Books, Listing, json_number
from pipelines.sandbox.bigone.keys import (
    API,
    CONTRACT,
    CONVERT,
    EMPTY,
    MAIN,
    Anomaly,
    Keyring,
    Limits,
    Refusal,
)
from pipelines.sandbox.bigone.market import (
    CONTRACTS,
    SPOT,
    list_assets,
    list_contracts,
    list_fees,
    list_instruments,
    list_pairs,
    stable_uuid,
)
from pipelines.sandbox.bigone.single import SINGLE
from pipelines.sandbox.bigone.truth import tell_truth
from pipelines.sandbox.engine.account import DAY, AccountPlan, exact
from pipelines.sandbox.engine.dialect import Answer, Call, Card, World
from pipelines.sandbox.engine.life import generate

LARGE = 50_000
"""Fills from which on an account takes too long to make while somebody waits for an answer."""
ORDER_STATES = {
    "PENDING": frozenset({"PENDING"}),
    "OPENING": frozenset({"PENDING"}),
    "CLOSED": frozenset({"FILLED", "CANCELLED"}),
    "NONE_FILLED": frozenset({"CANCELLED"}),
    "ALL": frozenset({"PENDING", "FILLED", "CANCELLED"}),
}
FILTERS = {
    "symbol": "symbol", "side": "side", "type": "type", "status": "status", "order-id": "orderId",
}  # fmt: skip
"""A contract list's parameters, and the fields they are about."""
OPENING = {"status": "NEW,PARTIALLY_FILLED"}
Handler = Callable[[Books, dict[str, str], int], bytes]


class BigOne:
    """BigONE's read routes over the accounts of this world."""

    name = "bigone"

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, world.clock
        self._keys = Keyring(world.seed)
        self._limits = Limits(world.pace)
        self._books: dict[str, Books] = {}
        self._delisted_answers = bool(world.option("bigone.delisted_answers", True))
        self._old_fees = bool(world.option("bigone.old_fees", True))
        self._gross = world.option("bigone.withdrawal_amount", "net") == "gross"
        self._available = world.option("bigone.balance", "total") == "available"
        self._routes: dict[str, Handler] = {
            f"{API}/viewer/accounts": self._spot_accounts,
            f"{API}/viewer/fund/accounts": self._fund_accounts,
            f"{API}/viewer/trading_fees": lambda books, params, now: wrapped(
                list_fees(self._is_late(now))
            ),
            f"{API}/viewer/trades": self._trades,
            f"{API}/viewer/orders": self._orders,
            f"{API}/viewer/deposits": self._deposits,
            f"{API}/viewer/withdrawals": self._withdrawals,
            f"{CONVERT}/viewer/trades": self._conversions,
            f"{CONTRACT}/accounts": self._contract_accounts,
            f"{CONTRACT}/trades": self._contract_trades,
            f"{CONTRACT}/orders": self._contract_orders,
            f"{CONTRACT}/orders/opening": self._opening_orders,
            f"{CONTRACT}/trades/count": lambda books, params, now: counted(
                contract_rows(books.contract_trades, params, now)
            ),
            f"{CONTRACT}/orders/count": lambda books, params, now: counted(
                contract_rows(books.contract_orders, params, now)
            ),
            f"{CONTRACT}/orders/opening/count": lambda books, params, now: counted(
                contract_rows(books.contract_orders, OPENING | params, now)
            ),
        }
        self._public: dict[str, Callable[[int], bytes]] = {
            f"{API}/ping": lambda now: b'{"code":0,"data":{"Timestamp":%d}}' % (now * 1_000_000),
            f"{API}/asset_pairs": lambda now: wrapped(list_pairs(self._is_late(now))),
            f"{API}/assets": lambda now: wrapped(list_assets(self._is_late(now))),
            f"{CONTRACT}/symbols": lambda now: list_contracts(),
            f"{CONTRACT}/instruments": list_instruments,
        }

    # -- who is there

    def cards(self) -> list[Card]:
        """Every key, the main read-only one first."""
        return list(self._keys.cards)

    def label_of(self, call: Call) -> str:
        """The label of the key a call's token names."""
        return self._keys.label_of(call)

    def books(self, uid: str) -> Books:
        """The lists of that account; made when first asked for."""
        if uid not in self._books:
            world = self.world
            fills = 0 if uid == EMPTY else world.fills if uid == MAIN else min(world.fills, 60)
            opened_at = world.end - 40 * DAY if uid == EMPTY else world.opened_at
            plans = [
                AccountPlan(
                    venue=venue, seed=world.seed + int(uid[-2:]), fills=part, opened_at=opened_at,
                    end=world.end, future=world.future if part else 0,
                    tie_groups=world.tie_groups if uid == MAIN and venue is SPOT else None,
                    arrivals=world.arrivals(self.name) if uid == MAIN and venue is SPOT else (),
                    departures=world.departures(self.name) if uid == MAIN and venue is SPOT else (),
                )
                for venue, part in ((SPOT, fills - fills // 4), (CONTRACTS, fills // 4))
            ]  # fmt: skip
            spot, contract = map(generate, plans)
            self._books[uid] = Books(
                spot, contract, uid, gross=self._gross, old_fees=self._old_fees
            )
        return self._books[uid]

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """What really happened to that key's account up to `at`."""
        card = next(card for card in self._keys.cards if card.label == label)
        return tell_truth(
            self.books(self._keys.profiles[label].uid), card.account_id, card.uid, at, parts
        )

    def _is_late(self, now: int) -> bool:
        """Whether the pair that was traded only briefly is delisted by now."""
        world = self.world
        return now > world.opened_at + (world.end - world.opened_at) // 2

    # -- answering

    def fault(self, name: str, call: Call) -> Answer | None:
        """BigONE's shape of a 429, and its own codes."""
        if name == "429":
            return refused(Refusal(429, 10429, "Too many requests"))
        if name == "10005":
            return refused(Refusal(500, 10005, "Internal error"))
        if name == "10403":
            return refused(Refusal(403, 10403, "Permission denied"))
        if name == "anomaly":
            return Answer(400, b'{"anomaly":"anomaly.request/invalid-params"}')
        return None

    def handle(self, call: Call) -> Answer:
        """The answer to one request, checked in BigONE's order."""
        now = self.clock.now_ms()
        # Doubled slashes count as one, as at most web servers; a general client sends some.
        call = replace(call, path=re.sub("/+", "/", call.path))
        try:
            if call.method == "GET" and call.path in self._public:
                return Answer(200, self._public[call.path](now), self._limits.count(call, now))
            route = self._routes.get(call.path) or single(call.path)
            if call.method != "GET" or route is None:
                raise Refusal(404, 10013, "Resource not found")
            _, profile = self._keys.identify(call, now)
            body = route(self.books(profile.uid), call.params(), now)
            return Answer(200, body, self._limits.count(call, now))
        except Refusal as refusal:
            return refused(refusal)

    # -- spot and wallet

    def _trades(self, books: Books, params: dict[str, str], now: int) -> bytes:
        limit = number(params, "limit", 20, 200)
        rows = books.trades.newest_first(now, self._pair(params, now))
        return by_last_id(books.trades, rows, params, now, limit)

    def _orders(self, books: Books, params: dict[str, str], now: int) -> bytes:
        limit = number(params, "limit", 20, 200)
        states = ORDER_STATES.get(params.get("state") or "PENDING")
        if states is None:
            raise Refusal(400, 10007, "Parameter error")
        orders, pair = books.orders, self._pair(params, now)
        rows = [
            n
            for n in orders.newest_first(now, pair)
            if states == ORDER_STATES["ALL"] or json.loads(orders.row(n, now))["state"] in states
        ]
        return by_last_id(orders, rows, params, now, limit)

    def _pair(self, params: dict[str, str], now: int) -> str:
        """The pair asked for, which is required and must be known."""
        pair = params.get("asset_pair_name", "")
        if not pair:
            raise Refusal(400, 10007, "asset_pair_name is required")
        market = next((market for market in SPOT.markets if market.symbol == pair), None)
        gone = market is not None and market.brief and self._is_late(now)
        if market is None or (gone and not self._delisted_answers):
            raise Refusal(404, 10013, "Resource not found")
        return pair

    def _deposits(self, books: Books, params: dict[str, str], now: int) -> bytes:
        return by_offset(books.deposits, params, now, "DEPOSIT")

    def _withdrawals(self, books: Books, params: dict[str, str], now: int) -> bytes:
        return by_offset(books.withdrawals, params, now, "WITHDRAWAL")

    def _conversions(self, books: Books, params: dict[str, str], now: int) -> bytes:
        limit = number(params, "limit", 20, 200)
        page = 1
        if params.get("page_token"):
            page = int_of(unpacked(params["page_token"]))
        rows = books.conversions.newest_first(now)
        more = len(rows) > page * limit
        shown = rows[(page - 1) * limit : page * limit]
        return enveloped(books.conversions, shown, now, str(page + 1) if more else "")

    def _spot_accounts(self, books: Books, params: dict[str, str], now: int) -> bytes:
        held = books.held(now)
        rows = []
        for asset, amount in sorted(books.balances(now)["spot"].items()):
            scale, locked = books.spot_scale[asset], held.get(asset, 0)
            shown = amount - locked if self._available else amount
            rows.append(
                {
                    "asset_symbol": asset,
                    "balance": exact(shown, scale),
                    "locked_balance": exact(locked, scale),
                }
            )
        return wrapped(rows)

    def _fund_accounts(self, books: Books, params: dict[str, str], now: int) -> bytes:
        return wrapped(
            [
                {
                    "asset_symbol": asset,
                    "balance": exact(amount, books.spot_scale[asset]),
                    "locked_balance": "0",
                }
                for asset, amount in sorted(books.balances(now)["fund"].items())
            ]
        )

    # -- contract

    def _contract_accounts(self, books: Books, params: dict[str, str], now: int) -> bytes:
        return b"[%b]" % ",".join(
            contract_account(books, asset, amount, now)
            for asset, amount in sorted(books.balances(now)["contract"].items())
        ).encode()

    def _contract_trades(self, books: Books, params: dict[str, str], now: int) -> bytes:
        return older_than(books.contract_trades, params, now)

    def _contract_orders(self, books: Books, params: dict[str, str], now: int) -> bytes:
        return older_than(books.contract_orders, params, now)

    def _opening_orders(self, books: Books, params: dict[str, str], now: int) -> bytes:
        return older_than(books.contract_orders, OPENING | params, now)


def single(path: str) -> Handler | None:
    """The handler of a route that names one thing in its path or its parameters."""
    for pattern, tell in SINGLE:
        if found := re.fullmatch(pattern, path):
            named = found.groups()
            return lambda books, params, now: tell(books, params | dict(enumerate(named)), now)
    return None


def contract_account(books: Books, asset: str, amount: int, now: int) -> str:
    """The cash of one currency and the positions it backs."""
    scale = books.contract_scale[asset]
    balance = json_number(amount, scale)
    held = books.positions(now)
    positions = ",".join(
        f'{{"id":"{stable_uuid(books.uid, "position", c.symbol)}","userId":"{books.user_id}",'
        f'"symbol":"{c.symbol}","currency":"{asset}","size":{held[c.symbol]},"entryPrice":'
        f'{json_number(c.start_price, c.price_scale)},"markPrice":60000.5,"liquidatePrice":0,'
        '"leverage":10,"isCross":true,"margin":0,"orderMargin":0,"notional":0,"value":0,'
        '"realisedPnl":0,"unrealizedPnl":6.200177148e-05,"totalPnl":0,"riskLimit":100,'
        '"feeRateMaker":0.0002,"feeRateTaker":0.0006,"buyingSize":0,"sellingSize":0}'
        for c in CONTRACTS.contracts
        if c.settle == asset and c.symbol in held
    )
    return (
        f'{{"cash":{{"readableId":{int(books.uid) + 5_000},"positionValue":0,"unrealizedPnl":0,'
        f'"positionMargin":0,"balances":{balance},"userId":"{books.user_id}","margin":0,'
        f'"available":{balance},"orderMargin":0,"marginRate":0,"marginBalances":{balance},'
        f'"leverage":0,"id":"{stable_uuid(books.uid, "cash", asset)}","currency":"{asset}"}},'
        f'"positions":[{positions}]}}'
    )


def refused(refusal: Refusal) -> Answer:
    """An error's body: code and message, no data; the contract service has a word of its own."""
    body: dict[str, Any] = {"code": refusal.code, "message": refusal.text}
    if isinstance(refusal, Anomaly):
        body = {"anomaly": refusal.text}
    return Answer(refusal.status, json.dumps(body, separators=(",", ":")).encode())


def wrapped(data: Any) -> bytes:
    """Data in the envelope of the lists that have no pages."""
    return json.dumps({"code": 0, "message": "", "data": data}, separators=(",", ":")).encode()


def enveloped(listing: Listing, rows: list[int], now: int, token: str) -> bytes:
    """A page in its envelope, with the next one's token beside it."""
    page = ",".join(listing.row(n, now) for n in rows)
    packed = base64.b64encode(token.encode()).decode() if token else ""
    return f'{{"code":0,"data":[{page}],"page_token":"{packed}"}}'.encode()


def by_last_id(
    listing: Listing, rows: list[int], params: dict[str, str], now: int, limit: int
) -> bytes:
    """A page of rows older than the one the token names; now and then one row short."""
    if params.get("page_token"):
        last = int_of(unpacked(params["page_token"]))
        rows = [n for n in rows if listing.ids[n] < last]
    more = len(rows) > limit
    if more and limit > 1 and listing.ids[rows[0]] % 4 == 1:
        limit -= 1
    shown = rows[:limit]
    return enveloped(listing, shown, now, str(listing.ids[shown[-1]]) if more else "")


def by_offset(listing: Listing, params: dict[str, str], now: int, kind: str) -> bytes:
    """A page from an offset on; new rows shift what lies behind it."""
    limit, offset = number(params, "limit", 50, 200), 0
    if params.get("page_token"):
        try:
            offset = int(json.loads(unpacked(params["page_token"]))["offset"])
        except (ValueError, KeyError, TypeError):
            raise Refusal(400, 10007, "Parameter error") from None
    rows = listing.newest_first(now)
    wanted = {name: params[name] for name in ("asset_symbol", "kind", "txid") if params.get(name)}
    if wanted:
        told = {n: json.loads(listing.row(n, now)) for n in rows}
        rows = [n for n in rows if wanted.items() <= {k: told[n].get(k) for k in wanted}.items()]
    token = json.dumps({"offset": offset + limit, "kind": kind}, separators=(",", ":"))
    more = len(rows) > offset + limit
    return enveloped(listing, rows[offset : offset + limit], now, token if more else "")


def contract_rows(listing: Listing, params: dict[str, str], now: int) -> Sequence[int]:
    """Rows of a contract list that pass its filters, newest first; an `id` outdoes an end time."""
    try:
        low = bisect_left(listing.at, int_of(params.get("start-time") or "0"))
        high = bisect_right(listing.at, int_of(params.get("end-time") or str(now)))
    except Refusal:
        raise Anomaly from None
    if params.get("id"):
        if params["id"] not in listing.place:
            raise Anomaly
        high = listing.place[params["id"]]
    rows = range(min(high, listing.visible(now)) - 1, low - 1, -1)
    wanted = {
        field: frozenset(params[name].split(","))
        for name, field in FILTERS.items()
        if params.get(name)
    }
    if not wanted:
        return rows
    told = {n: json.loads(listing.row(n, now)) for n in rows}
    return [n for n in rows if all(str(told[n].get(k)) in wanted[k] for k in wanted)]


def counted(rows: Sequence[int]) -> bytes:
    """How many there are."""
    return b'{"count":%d}' % len(rows)


def older_than(listing: Listing, params: dict[str, str], now: int) -> bytes:
    """A page of the contract service: a bare list."""
    try:
        limit = number(params, "limit", 100, 100)
    except Refusal:
        raise Anomaly from None
    rows = contract_rows(listing, params, now)[:limit]
    return f"[{','.join(listing.row(n, now) for n in rows)}]".encode()


def number(params: dict[str, str], name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`. Refuses anything else."""
    value = int_of(params[name]) if params.get(name) else default
    if not 1 <= value <= most:
        raise Refusal(400, 10007, f"Parameter error: {name}")
    return value


def int_of(text: str) -> int:
    """Digits as a number. Refuses anything else."""
    if not (text.isascii() and text.isdigit()):
        raise Refusal(400, 10007, "Parameter error")
    return int(text)


def unpacked(token: str) -> str:
    """What a page token stands for. Refuses what is none."""
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:
        raise Refusal(400, 10007, "Parameter error") from None


def build(world: World) -> BigOne:
    """BigONE's stand-in in that world; a large main account is made right away."""
    bigone = BigOne(world)
    if world.fills >= LARGE:
        bigone.books(MAIN)
    return bigone
