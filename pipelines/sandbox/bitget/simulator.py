"""Bitget's stand-in: classic account (v2), its spot side; the desks of other products join in.

The v3 routes of unified accounts are beside it.

It refuses what Bitget refuses, in the order Bitget checks, with its codes and bodies. Signatures
are computed here from the published rule; nothing is shared with the client that is tested on it.

Switches (`options` of the sandbox): bitget.tax_floor_days (730), bitget.deposit_floor_days (none),
bitget.tax_max_limit (500), bitget.tax_cursor_defect (False), bitget.preload (False),
bitget.trader (False), bitget.merchant (False), bitget.unified_fills (60 at most),
bitget.unified_contract_share (30 percent; above 50 the crowded moments are futures'); more of the
v3 routes in their module.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from pipelines.sandbox.bitget import convert, earn, loans, wallets
from pipelines.sandbox.bitget.books import Books, Table
from pipelines.sandbox.bitget.copy import CopyDesk
from pipelines.sandbox.bitget.futures import FuturesDesk, list_contracts
from pipelines.sandbox.bitget.keys import (
    EMPTY,
    MAIN,
    SECOND_ACCOUNT,
    SUB,
    UNIFIED,
    UPGRADED,
    Keyring,
    Limits,
)
from pipelines.sandbox.bitget.margin import MarginDesk
from pipelines.sandbox.bitget.market import (
    KNOWN_SYMBOLS,
    VENUE,
    list_coins,
    list_instruments,
    list_symbols,
)
from pipelines.sandbox.bitget.orders import Orders
from pipelines.sandbox.bitget.p2p import P2PDesk
from pipelines.sandbox.bitget.request import STREAMS, Filter, Refusal, Request
from pipelines.sandbox.bitget.sub_accounts import THERE, SubAccountDesk, life_of_sub
from pipelines.sandbox.bitget.truth import tell_truth
from pipelines.sandbox.bitget.unified import Unified
from pipelines.sandbox.bitget.unified_truth import tell_unified_truth
from pipelines.sandbox.engine.account import (
    DAY,
    SECOND,
    AccountPlan,
    Arrival,
    Life,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.dialect import Answer, Call, Card, World
from pipelines.sandbox.engine.life import generate

INFO, TIME = "/api/v2/spot/account/info", "/api/v2/public/time"
ASSETS = "/api/v2/spot/account/assets"
MAX_PAGE_NUMBER = 1_000
UNIFIED_VENUE = replace(VENUE, pledged_loans=False)
"""The v3 books tell no loans on pledged coins, so that a unified account has none."""
MAIN_VENUE = replace(VENUE, other_wallets=(*VENUE.other_wallets, THERE))
"""Of the account that has a sub-account."""
CONTRACT_SHARE = 30
"""Percent of an account's fills that are futures."""
LARGE = 50_000
"""Fills from which on an account takes too long to make while somebody waits for an answer."""
KIND_OF_WALLET = {
    "usdt_futures": "futures", "usdc_futures": "futures", "coin_futures": "futures",
    "p2p": "funding", "crossed_margin": "margin",
    "isolated_margin": "margin", "bots": "bots", "earn": "earn",
}  # fmt: skip
"""Wallet → accountType of the valuation."""
SYSTEM_ERRORS = {
    "40015": "System is abnormal, please try again later",
    "40200": "Server upgrade, please try again later",
    "40725": "service return an error",
    "40808": "Parameter verification exception",
    "45001": "Unknown error",
    "40014": "Incorrect permissions, need spot order read permissions",
}


class Bitget:
    """Bitget's classic routes over the accounts of this world."""

    name = "bitget"

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, world.clock
        self._keys = Keyring(world.seed)
        self._limits = Limits(world.pace)
        self._lives: dict[str, Life] = {}
        self._books: dict[str, Books] = {}
        self._spot_orders: dict[str, Orders] = {}
        self._tax_floor = int(world.option("bitget.tax_floor_days", 730)) * DAY
        floor = world.option("bitget.deposit_floor_days", None)
        self._deposit_floor = None if floor is None else int(floor) * DAY
        self._tax_max_limit = int(world.option("bitget.tax_max_limit", 500))
        self._cursor_defect = bool(world.option("bitget.tax_cursor_defect", False))
        self._unified = Unified(world, self.books)
        self._routes: dict[str, Callable[[Request], bytes]] = {
            INFO: self._info,
            "/api/v2/tax/spot-record": self._tax,
            "/api/v2/spot/trade/fills": self._fills,
            "/api/v2/spot/trade/history-orders": self._orders,
            "/api/v2/spot/account/bills": self._bills,
            "/api/v2/spot/account/transferRecords": self._transfers,
            ASSETS: self._assets,
            "/api/v2/spot/wallet/deposit-records": self._deposits,
            "/api/v2/spot/wallet/withdrawal-records": self._withdrawals,
            "/api/v2/account/all-account-balance": self._all_balances,
        }
        futures = FuturesDesk(
            self._tax_floor, self._tax_max_limit, self._cursor_defect, world.end
        )
        margin = MarginDesk(self._tax_floor, self._tax_max_limit, self._cursor_defect)
        subs = SubAccountDesk(self.books)
        copies = CopyDesk(bool(world.option("bitget.trader", False)))
        p2p = P2PDesk(bool(world.option("bitget.merchant", False)))
        self._is_trader = copies.is_trader
        self._routes |= futures.routes() | margin.routes() | subs.routes()
        self._routes |= convert.ROUTES | earn.ROUTES | wallets.ROUTES
        self._routes |= loans.ROUTES | copies.routes() | p2p.routes()
        self._public: dict[str, Callable[[dict[str, str], int], bytes]] = {
            TIME: lambda params, now: b'{"serverTime":"%d"}' % now,
            "/api/v2/spot/public/coins": lambda params, now: list_coins(
                params.get("coin", "").upper(), self._is_late(now)
            ),
            "/api/v2/spot/public/symbols": lambda params, now: list_symbols(
                params.get("symbol", "").upper(), self._is_late(now)
            ),
            "/api/v3/market/instruments": lambda params, now: list_instruments(
                params.get("category", "").upper(), params.get("symbol", "").upper(),
                self._is_late(now),
            ),
            "/api/v2/mix/market/contracts": lambda params, now: list_contracts(
                params, now, world.end
            ),
            # General clients read this list before anything else; here it is empty.
            "/api/v2/margin/currencies": lambda params, now: b"[]",
        }

    # -- who is there

    def cards(self) -> list[Card]:
        """Every key, the main read-only one first."""
        return list(self._keys.cards)

    def label_of(self, call: Call) -> str:
        """The label of the key in the ACCESS-KEY header."""
        return self._keys.label_of(call)

    def life(self, uid: str) -> Life:
        """What happened to that account; generated when first asked for."""
        if uid not in self._lives:
            is_sub = uid == SUB
            self._lives[uid] = life_of_sub(self.life(MAIN)) if is_sub else generate(self._plan(uid))
        return self._lives[uid]

    def _plan(self, uid: str) -> AccountPlan:
        world, fills, opened_at = self.world, self.world.fills, self.world.opened_at
        arrivals: tuple[Arrival, ...] = ()
        if uid == EMPTY:
            fills, opened_at = 0, world.end - 40 * DAY
        elif uid in (UNIFIED, UPGRADED):
            fills = int(world.option("bitget.unified_fills", min(fills, 60)))
        elif uid != MAIN:
            fills = min(fills, 60)
        if uid == SECOND_ACCOUNT and fills:
            arrivals = tuple(self._arrivals())
        elif uid == MAIN:
            arrivals = world.arrivals(self.name)
        share = CONTRACT_SHARE
        if uid == UNIFIED:
            share = int(world.option("bitget.unified_contract_share", share))
        venue = {MAIN: MAIN_VENUE, UNIFIED: UNIFIED_VENUE, UPGRADED: UNIFIED_VENUE}.get(uid, VENUE)
        return AccountPlan(
            venue=venue, seed=world.seed + int(uid[-2:]), fills=fills, opened_at=opened_at,
            end=world.end, future=world.future if fills else 0, tie_groups=world.tie_groups
            if uid in (MAIN, UNIFIED) else None, arrivals=arrivals, contract_share=share,
            departures=world.departures(self.name) if uid == MAIN else (),
        )  # fmt: skip

    def _arrivals(self) -> Iterator[Arrival]:
        """Two withdrawals of the main account end up in the second one."""
        scale = VENUE.asset("USDT").scale
        sent = [
            event
            for event in self.life(MAIN).events
            if isinstance(event, Withdrawal) and event.asset == "USDT"
            if event.status == "completed" and event.done_at < self.world.end - DAY
        ]
        for event in sent[-2:]:
            amount = Decimal(event.amount - event.fee).scaleb(-scale)
            yield Arrival(
                at=event.done_at + 90 * SECOND, asset="USDT", amount=amount,
                network=event.network, tx=event.tx,
            )  # fmt: skip

    def books(self, uid: str) -> Books:
        """The tables of that account."""
        if uid not in self._books:
            books = self._books[uid] = Books(self.life(uid), uid)
            if self.world.option("bitget.preload", False):
                books.preload(self.clock.now_ms())
        return self._books[uid]

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """What really happened to that key's account up to `at`."""
        profile = self._keys.profiles[label]
        unified = self._unified.books(profile)
        if unified is not None and self._unified.is_unified(profile, at):
            return tell_unified_truth(unified, at, parts)
        return tell_truth(self.books(profile.uid), at, parts)

    def _is_late(self, now: int) -> bool:
        """Whether the pair that was traded only briefly is delisted by now."""
        world = self.world
        return now > world.opened_at + (world.end - world.opened_at) // 2

    # -- answering

    def fault(self, name: str, call: Call) -> Answer | None:
        """Bitget's shape of a 429, and its own codes."""
        if name == "429":
            return self._error(Refusal("429", "Too Many Requests", 429), self.clock.now_ms())
        if name == "429_short":
            return Answer(429, b'{"code":"429","msg":"Too Many Requests"}')
        if name in SYSTEM_ERRORS:
            return self._error(Refusal(name, SYSTEM_ERRORS[name]), self.clock.now_ms())
        return None

    def handle(self, call: Call) -> Answer:
        """The answer to one request, checked in Bitget's order."""
        now = self.clock.now_ms()
        try:
            self._limits.check_address(call.ip, now)
            if call.path in self._public and call.method == "GET":
                return self._answer_public(call, now)
            is_known = call.path in self._routes or self._unified.knows(call.path)
            if not is_known or call.method != "GET":
                raise Refusal("40404", "Request URL NOT FOUND", 404)
            return self._answer_private(call, now)
        except Refusal as refusal:
            return self._error(refusal, now)

    @staticmethod
    def _error(refusal: Refusal, now: int) -> Answer:
        body = {
            "code": refusal.code, "msg": refusal.text, "requestTime": now, "data": None,
        }  # fmt: skip
        return Answer(refusal.status, json.dumps(body, separators=(",", ":")).encode())

    @staticmethod
    def _success(data: bytes, now: int, left: int, word: bytes = b"msg") -> Answer:
        body = b'{"code":"00000","%b":"success","requestTime":%d,"data":%b}' % (word, now, data)
        return Answer(200, body, (("x-mbx-used-remain-limit", str(left)),))

    def _answer_public(self, call: Call, now: int) -> Answer:
        stream = STREAMS.get(call.path)
        allowed = stream.rate.requests if stream and stream.rate else 20
        data = self._public[call.path](call.params(), now)
        return self._success(
            data, now, self._limits.count(f"ip:{call.ip}", call.path, allowed, now)
        )

    def _answer_private(self, call: Call, now: int) -> Answer:
        card, profile = self._keys.identify(call, now)
        self._keys.check_rights(call.path, profile)
        request = Request(call.path, call.params(), now, profile.label, self.books(card.uid))
        if call.path.startswith("/api/v3/"):
            data = self._unified.answer(request, profile)
        elif self._unified.is_unified(profile, now):
            raise Refusal(
                "40085",
                "You are in Unified Account mode, and the Classic Account API is not supported "
                "at this time",
            )
        else:
            data = self._routes[call.path](request)
        stream = STREAMS.get(call.path)
        allowed = stream.rate.requests if stream and stream.rate else 1
        left = self._limits.count(f"uid:{profile.uid}", call.path, allowed, now)
        # The page of this route spells the field `message`; others, and live answers, `msg`.
        word = b"message" if call.path == ASSETS else b"msg"
        return self._success(data, now, left, word)

    # -- checks, in order

    def _info(self, request: Request) -> bytes:
        profile = self._keys.profiles[request.label]
        ips: Any = list(profile.ips) or None
        if profile.ips_as_text:
            ips = ",".join(profile.ips)
        return json.dumps(
            {
                "userId": profile.uid,
                "inviterId": "6000000009",
                "ips": ips,
                "authorities": list(profile.authorities),
                "parentId": int(profile.parent or profile.uid),
                "traderType": "trader" if self._is_trader else "not_trader",
                "channelCode": "abcd",
                "channel": "1",
                "regisTime": str(request.books.life.opened_at),
            },
            separators=(",", ":"),
        ).encode()

    def _tax(self, request: Request) -> bytes:
        start, end = request.span()
        limit = request.limit(500, self._tax_max_limit)
        books = request.books
        # Windows beyond the silent floor are answered like windows without rows.
        start = max(start, request.now - self._tax_floor)
        low, high = books.tax.bounds(start, end, request.cursor(), self._cursor_defect)
        coin = request.params.get("coin", "").upper()
        wanted: list[Filter] = [("coin", coin, books.coin_of)] if coin else []
        return request.page(books.tax, low, high, limit, wanted)

    def _fills(self, request: Request) -> bytes:
        start, end = request.span()
        start = request.within_retention(start, end, "43111", "param error time range illegal")
        limit = request.limit()
        books, params = request.books, request.params
        symbol = params.get("symbol", "").upper()
        if symbol and symbol not in KNOWN_SYMBOLS:
            raise Refusal("40034", "Parameter symbol does not exist")
        low, high = books.fills.bounds(start, end, request.cursor(), False)
        events = books.fills.events
        wanted: list[Filter] = []
        if symbol:
            wanted.append(("symbol", symbol, lambda n: events[n].market.symbol))  # type: ignore[attr-defined]
        if params.get("orderId"):
            wanted.append(("orderId", params["orderId"], books.order_id_of))
        return request.page(books.fills, low, high, limit, wanted)

    def _orders(self, request: Request) -> bytes:
        start, end = request.span()
        start = request.within_retention(start, end, "43111", "param error time range illegal")
        symbol = request.params.get("symbol", "").upper()
        if symbol and symbol not in KNOWN_SYMBOLS:
            raise Refusal("40034", "Parameter symbol does not exist")
        return self._orders_of(request.books).page(request, start, end)

    def _orders_of(self, books: Books) -> Orders:
        if books.uid not in self._spot_orders:
            self._spot_orders[books.uid] = Orders(books.uid, books.events, books.scale)
        return self._spot_orders[books.uid]

    def _bills(self, request: Request) -> bytes:
        start, end = request.span()
        start = request.within_retention(
            start, end, "40704", "Can only check the data of the last three months"
        )
        limit = request.limit()
        books, params = request.books, request.params
        low, high = books.bills.bounds(start, end, request.cursor(), False)
        wanted: list[Filter] = []
        if params.get("coin"):
            wanted.append(("coin", params["coin"].upper(), books.coin_of))
        if params.get("groupType"):
            wanted.append(("groupType", params["groupType"].lower(), books.group_of))
        if params.get("businessType"):
            wanted.append(("businessType", params["businessType"].upper(), books.business_of))
        return request.page(books.bills, low, high, limit, wanted)

    def _deposits(self, request: Request) -> bytes:
        return self._wallet_page(request, request.books.deposits)

    def _withdrawals(self, request: Request) -> bytes:
        return self._wallet_page(request, request.books.withdrawals)

    def _wallet_page(self, request: Request, table: Table) -> bytes:
        start, end = request.span()
        limit = request.limit(20)
        if self._deposit_floor is not None:
            start = max(start, request.now - self._deposit_floor)
        low, high = table.bounds(start, end, request.cursor(), False)
        wanted: list[Filter] = []
        if request.params.get("coin"):
            coin = request.params["coin"].upper()
            wanted.append(("coin", coin, lambda n: table.events[n].asset))  # type: ignore[attr-defined]
        if request.params.get("orderId"):
            wanted.append(("orderId", request.params["orderId"], lambda n: str(table.ids[n])))
        wanted += request.filters(table, clientOid="clientOid")
        return request.page(table, low, high, limit, wanted)

    def _transfers(self, request: Request) -> bytes:
        coin = request.params.get("coin", "").upper()
        if not coin:
            raise Refusal("40019", "Parameter coin cannot be empty")
        start, end = request.span()
        limit = request.limit(100)
        number = request.number("pageNum", 1)
        if not 1 <= number <= MAX_PAGE_NUMBER:
            raise Refusal("40020", "Parameter pageNum error")
        table = request.books.transfers
        low, high = table.bounds(start, end, request.cursor(), False)
        wanted: list[Filter] = [("coin", coin, lambda n: table.events[n].asset)]  # type: ignore[attr-defined]
        source = request.params.get("fromType", "").lower()
        if source:
            wanted.append(("fromType", source, lambda n: table.events[n].from_wallet))  # type: ignore[attr-defined]
        wanted += request.filters(table, clientOid="clientOid")
        return request.page(table, low, high, limit, wanted, skip=(number - 1) * limit)

    def _assets(self, request: Request) -> bytes:
        wanted = request.params.get("coin", "").upper()
        every = request.params.get("assetType", "hold_only") == "all"
        known = request.books.spot_balances(request.now)
        held = request.books.held(request.now)
        if every:
            known = {asset.code: (0, 0) for asset in VENUE.assets} | known
        rows = []
        for coin, (balance, changed) in known.items():
            if (wanted and coin != wanted) or (balance == 0 and not every):
                continue
            scale = VENUE.asset(coin).scale
            frozen = held.get(coin, 0)
            rows.append(
                f'{{"coin":"{coin}","available":"{exact(balance - frozen, scale)}",'
                f'"frozen":"{exact(frozen, scale)}","locked":"0","limitAvailable":"0",'
                f'"uTime":"{changed or request.books.life.opened_at}"}}'
            )
        return f"[{','.join(rows)}]".encode()

    def _all_balances(self, request: Request) -> bytes:
        """A valuation in USDT per kind of account."""
        kinds = {
            "spot": Decimal(0), "futures": Decimal(0), "funding": Decimal(0), "earn": Decimal(0),
            "bots": Decimal(0), "margin": Decimal(0),
        }  # fmt: skip
        holdings = [
            ("spot", coin, amount)
            for coin, (amount, _) in request.books.spot_balances(request.now).items()
        ]
        holdings += [
            (KIND_OF_WALLET[wallet], coin, amount)
            for (wallet, coin), amount in request.books.other_balances(request.now).items()
            if wallet in KIND_OF_WALLET
        ]
        for kind, coin, amount in holdings:
            asset = VENUE.asset(coin)
            kinds[kind] += Decimal(amount).scaleb(-asset.scale) * asset.usd
        rows = (
            f'{{"accountType":"{kind}","usdtBalance":"{exact(int(value * 10**8), 8)}"}}'
            for kind, value in kinds.items()
        )
        return f"[{','.join(rows)}]".encode()


def build(world: World) -> Bitget:
    """Bitget's stand-in in that world; a large main account is made right away."""
    bitget = Bitget(world)
    if world.fills >= LARGE:
        bitget.books(MAIN)
    return bitget
