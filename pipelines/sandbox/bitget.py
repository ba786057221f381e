"""Bitget's stand-in: classic account (v2), read routes of the spot side.

It refuses what Bitget refuses, in the order Bitget checks, with its codes and bodies. Signatures
are computed here from the published rule; nothing is shared with the client that is tested on it.

Switches (`options` of the sandbox): bitget.tax_floor_days (730), bitget.deposit_floor_days (none),
bitget.tax_max_limit (500), bitget.tax_cursor_defect (False), bitget.preload (False).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pipelines.sandbox.account import (
    DAY,
    SECOND,
    AccountPlan,
    Arrival,
    Asset,
    Life,
    Market,
    Venue,
    Withdrawal,
    exact,
    generate,
)
from pipelines.sandbox.bitget_books import Books, Table
from pipelines.sandbox.dialect import Answer, Call, Card, World
from pipelines.specs.bitget import SPEC

STREAMS = {stream.path: stream for stream in SPEC.streams}
INFO, TIME = "/api/v2/spot/account/info", "/api/v2/public/time"
PASSPHRASE = "sandbox2026"  # noqa: S105 - the made-up accounts' own
TIMESTAMP_WINDOW = 30 * SECOND
PENALTY = 300 * SECOND
MAX_PAGE_NUMBER = 1_000

VENUE = Venue(
    name="bitget",
    cash="USDT",
    home="spot",
    fee_coin="BGB",
    assets=(
        Asset(
            code="USDT", scale=12, usd=Decimal(1), networks=("TRC20", "ERC20", "BEP20"),
            withdraw_fee=Decimal("1.5"),
        ),
        Asset(
            code="BTC", scale=12, usd=Decimal(64000), networks=("BTC",),
            withdraw_fee=Decimal("0.0003"),
        ),
        Asset(
            code="ETH", scale=12, usd=Decimal(3100), networks=("ERC20", "ArbitrumOne"),
            withdraw_fee=Decimal("0.002"),
        ),
        Asset(
            code="SOL", scale=12, usd=Decimal(150), networks=("SOL",), withdraw_fee=Decimal("0.01")
        ),
        Asset(code="USDC", scale=12, usd=Decimal(1), networks=("ERC20",), withdraw_fee=Decimal(2)),
        Asset(code="BGB", scale=12, usd=Decimal("4.6"), networks=("MORPH",)),
        Asset(code="$ALT", scale=12, usd=Decimal("0.12"), networks=("ERC20",)),
        Asset(code="MOONX", scale=12, usd=Decimal(2), networks=("ERC20",)),
        Asset(code="WEIX", scale=18, usd=Decimal("0.4"), networks=("ERC20",)),
    ),
    markets=(
        Market(
            symbol="BTCUSDT", base="BTC", quote="USDT", price_scale=2, quantity_scale=6,
            start_price=6_400_000,
        ),
        Market(
            symbol="ETHUSDT", base="ETH", quote="USDT", price_scale=2, quantity_scale=4,
            start_price=310_000,
        ),
        Market(
            symbol="SOLUSDT", base="SOL", quote="USDT", price_scale=2, quantity_scale=4,
            start_price=15_000,
        ),
        Market(
            symbol="ETHBTC", base="ETH", quote="BTC", price_scale=6, quantity_scale=4,
            start_price=48_400,
        ),
        Market(
            symbol="$ALTUSDT", base="$ALT", quote="USDT", price_scale=5, quantity_scale=2,
            start_price=12_000,
        ),
        Market(
            symbol="MOONXUSDT", base="MOONX", quote="USDT", price_scale=4, quantity_scale=2,
            start_price=20_000, brief=True,
        ),
    ),
    other_wallets=("usdt_futures", "p2p", "crossed_margin", "isolated_margin", "bots"),
    rewards=(
        "airdrop", "rebate", "interest", "savings", "coupon", "gift", "financial", "unlabelled",
        "unknown",
    ),
)  # fmt: skip

READ = ("coor", "cpor", "stor", "smor", "wtor", "taxr")
LEDGER_READ = frozenset({"stor", "wtor"})
PERMISSIONS: dict[str, tuple[frozenset[str], str]] = {
    # Tax routes answer ordinary keys as well as tax keys.
    "/api/v2/tax/spot-record": (frozenset({"taxr", "stor"}), "tax read"),
    "/api/v2/spot/trade/fills": (frozenset({"stor"}), "spot order read"),
    "/api/v2/spot/account/bills": (LEDGER_READ, "spot order read"),
    "/api/v2/spot/account/assets": (LEDGER_READ, "spot order read"),
    "/api/v2/spot/account/transferRecords": (frozenset({"wtor"}), "wallet transfer read"),
    "/api/v2/spot/wallet/deposit-records": (frozenset({"wtor"}), "wallet transfer read"),
    "/api/v2/spot/wallet/withdrawal-records": (frozenset({"wtor"}), "wallet transfer read"),
    "/api/v2/account/all-account-balance": (LEDGER_READ, "wallet transfer read"),
}
DEFAULT_LIMITS = {
    "/api/v2/spot/wallet/deposit-records": 20,
    "/api/v2/spot/wallet/withdrawal-records": 20,
    "/api/v2/tax/spot-record": 500,
}
TIMES_REQUIRED = frozenset({"tax_spot_records", "deposit_records", "withdrawal_records"})
SYSTEM_ERRORS = {
    "40015": "System is abnormal, please try again later",
    "40200": "Server upgrade, please try again later",
    "40725": "service return an error",
    "40808": "Parameter verification exception",
    "45001": "Unknown error",
    "40014": "Incorrect permissions, need spot order read permissions",
}


class Refusal(Exception):
    """An answer that is an error: Bitget's code, its text, the HTTP status."""

    def __init__(self, code: str, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.code, self.text, self.status = code, text, status


@dataclass(frozen=True)
class Profile:
    """What a key may do, and what state its account is in."""

    label: str
    name: str
    uid: str
    authorities: tuple[str, ...] = READ
    ips: tuple[str, ...] = ()
    ips_as_text: bool = False
    tax_only: bool = False
    disabled: bool = False
    unified: bool = False

    def may(self, codes: frozenset[str]) -> bool:
        """Whether one of these rights is held; a right to write brings the right to read."""
        held = {code[:-1] + "r" if code.endswith("w") else code for code in self.authorities}
        return bool(codes & held)


MAIN, TRADING, WITHDRAWING, NARROW = "7000000001", "7000000002", "7000000003", "7000000004"
EMPTY, UNIFIED, SECOND_ACCOUNT = "7000000005", "7000000006", "7000000007"
PROFILES = (
    Profile("bitget-main", "read-only", MAIN),
    Profile("bitget-tax", "tax", MAIN, authorities=("taxr",), tax_only=True),
    Profile("bitget-trading", "trading", TRADING, (*READ, "stow"), ("127.0.0.1",), True),
    Profile("bitget-withdrawing", "withdrawing", WITHDRAWING, (*READ, "wwow"), ("127.0.0.1",)),
    Profile("bitget-disabled", "disabled", MAIN, disabled=True),
    Profile("bitget-ip-bound", "ip-bound", MAIN, ips=("203.0.113.7", "203.0.113.8")),
    Profile("bitget-narrow", "narrow", NARROW, authorities=("wtor", "taxr")),
    Profile("bitget-empty", "empty", EMPTY),
    Profile("bitget-unified", "unified", UNIFIED, unified=True),
    Profile("bitget-second", "read-only", SECOND_ACCOUNT),
)


def sign(secret: str, timestamp: str, method: str, path: str, query: str, body: str = "") -> str:
    """The signature Bitget computes: HMAC-SHA256 over what it received, in base64.

    `query` without the question mark, percent escapes resolved: `$ALTUSDT` is signed with its `$`.
    """
    text = f"{timestamp}{method}{path}{'?' if query else ''}{query}{body}"
    return base64.b64encode(
        hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    ).decode()


@dataclass
class Meter:
    """Requests per fixed span of the sandbox's time; `pace` shortens the spans."""

    pace: float | None
    _counts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def left(self, who: str, what: str, allowed: int, span: int, now: int) -> int:
        """How many of `allowed` are left in this span after this one; negative when over."""
        if self.pace is None:
            return allowed
        current = int(now * self.pace) // span
        known, used = self._counts.get((who, what), (current, 0))
        used = used + 1 if known == current else 1
        self._counts[who, what] = (current, used)
        return allowed - used


class Bitget:
    """Bitget's classic routes over the accounts of this world."""

    name = "bitget"

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, world.clock
        self._profiles = {profile.label: profile for profile in PROFILES}
        self._cards = [self._card(profile) for profile in PROFILES]
        self._by_key = {card.key: card for card in self._cards}
        self._lives: dict[str, Life] = {}
        self._books: dict[str, Books] = {}
        self._meter = Meter(world.pace)
        self._penalties: dict[str, int] = {}
        self._tax_floor = int(world.option("bitget.tax_floor_days", 730)) * DAY
        floor = world.option("bitget.deposit_floor_days", None)
        self._deposit_floor = None if floor is None else int(floor) * DAY
        self._tax_max_limit = int(world.option("bitget.tax_max_limit", 500))
        self._cursor_defect = bool(world.option("bitget.tax_cursor_defect", False))
        self._routes: dict[str, Callable[[Request], bytes]] = {
            INFO: self._info,
            "/api/v2/tax/spot-record": self._tax,
            "/api/v2/spot/trade/fills": self._fills,
            "/api/v2/spot/account/bills": self._bills,
            "/api/v2/spot/account/transferRecords": self._transfers,
            "/api/v2/spot/account/assets": self._assets,
            "/api/v2/spot/wallet/deposit-records": self._deposits,
            "/api/v2/spot/wallet/withdrawal-records": self._withdrawals,
            "/api/v2/account/all-account-balance": self._all_balances,
        }
        self._public: dict[str, Callable[[dict[str, str], int], bytes]] = {
            TIME: lambda params, now: b'{"serverTime":"%d"}' % now,
            "/api/v2/spot/public/coins": self._coins,
            "/api/v2/spot/public/symbols": self._symbols,
            # General clients read these lists before anything else; here they are empty.
            "/api/v2/margin/currencies": lambda params, now: b"[]",
            "/api/v2/mix/market/contracts": lambda params, now: b"[]",
        }

    # -- who is there

    def _card(self, profile: Profile) -> Card:
        rng = random.Random(f"bitget-key:{self.world.seed}:{profile.label}")
        return Card(
            exchange="bitget",
            label=profile.label,
            key=f"bg_{rng.getrandbits(128):032x}",
            secret=f"{rng.getrandbits(256):064x}",
            passphrase="" if profile.tax_only else PASSPHRASE,
            uid=profile.uid,
            profile=profile.name,
            account_id=f"bitget:{profile.uid}",
        )

    def cards(self) -> list[Card]:
        """Every key, the main read-only one first."""
        return list(self._cards)

    def label_of(self, call: Call) -> str:
        """The label of the key in the ACCESS-KEY header."""
        card = self._by_key.get(call.headers.get("access-key", ""))
        return card.label if card else ""

    def life(self, uid: str) -> Life:
        """What happened to that account; generated when first asked for."""
        if uid not in self._lives:
            self._lives[uid] = generate(self._plan(uid))
        return self._lives[uid]

    def _plan(self, uid: str) -> AccountPlan:
        world, fills, opened_at = self.world, self.world.fills, self.world.opened_at
        arrivals: tuple[Arrival, ...] = ()
        if uid == EMPTY:
            fills, opened_at = 0, world.end - 40 * DAY
        elif uid != MAIN:
            fills = min(fills, 60)
        if uid == SECOND_ACCOUNT and fills:
            arrivals = tuple(self._arrivals())
        return AccountPlan(
            venue=VENUE, seed=world.seed + int(uid[-2:]), fills=fills, opened_at=opened_at,
            end=world.end, future=world.future if fills else 0, tie_groups=world.tie_groups
            if uid == MAIN else None, arrivals=arrivals,
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
        return self.books(self._profiles[label].uid).truth(at, parts)

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
            self._check_address(call.ip, now)
            if call.path in self._public and call.method == "GET":
                return self._answer_public(call, now)
            if call.path.startswith("/api/v3/"):
                self._refuse_unified(call, now)
            if call.path not in self._routes or call.method != "GET":
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
        return self._success(data, now, self._count(f"ip:{call.ip}", call.path, allowed, now))

    def _answer_private(self, call: Call, now: int) -> Answer:
        card, profile = self._identify(call, now)
        self._check_rights(call.path, profile)
        if profile.unified:
            raise Refusal(
                "40085",
                "You are in Unified Account mode, and the Classic Account API is not supported "
                "at this time",
            )
        request = Request(call.path, call.params(), now, profile, self.books(card.uid))
        data = self._routes[call.path](request)
        stream = STREAMS.get(call.path)
        allowed = stream.rate.requests if stream and stream.rate else 1
        left = self._count(f"uid:{profile.uid}", call.path, allowed, now)
        # The page of this route spells the field `message`; others, and live answers, `msg`.
        word = b"message" if call.path.endswith("/assets") else b"msg"
        return self._success(data, now, left, word)

    def _refuse_unified(self, call: Call, now: int) -> None:
        """Unified routes exist for unified accounts only; what they answer is not built here."""
        _, profile = self._identify(call, now)
        if not profile.unified:
            raise Refusal(
                "40084",
                "You are in Classic Account mode, and the Unified Account API is not supported "
                "at this time",
            )

    # -- checks, in order

    def _check_address(self, ip: str, now: int) -> None:
        """6,000 requests a minute from one address, then five minutes of nothing."""
        if self.world.pace is None or SPEC.ip_rate is None:
            return
        if now < self._penalties.get(ip, 0):
            raise Refusal("429", "Too Many Requests", 429)
        if self._meter.left(f"ip:{ip}", "*", SPEC.ip_rate.requests, 60 * SECOND, now) < 0:
            self._penalties[ip] = now + int(PENALTY / self.world.pace)
            raise Refusal("429", "Too Many Requests", 429)

    def _count(self, who: str, path: str, allowed: int, now: int) -> int:
        left = self._meter.left(who, path, allowed, SECOND, now)
        if left < 0:
            raise Refusal("429", "Too Many Requests", 429)
        return left

    def _identify(self, call: Call, now: int) -> tuple[Card, Profile]:
        """Key, signature and timestamp present; key known; passphrase; age; signature; address."""
        headers = call.headers
        if not headers.get("access-key"):
            raise Refusal("40001", "ACCESS_KEY cannot be empty")
        if not headers.get("access-sign"):
            raise Refusal("40002", "ACCESS_SIGN cannot be empty")
        timestamp = headers.get("access-timestamp", "")
        if not (timestamp.isascii() and timestamp.isdigit()):
            raise Refusal("40005", "Invalid ACCESS_TIMESTAMP")
        card = self._by_key.get(headers["access-key"])
        if card is None:
            raise Refusal("40006", "Invalid ACCESS_KEY")
        profile = self._profiles[card.label]
        if profile.disabled:
            raise Refusal("40037", "Apikey does not exist")
        if not profile.tax_only:
            self._check_passphrase(headers.get("access-passphrase", ""), card)
        if abs(now - int(timestamp)) > TIMESTAMP_WINDOW:
            raise Refusal("40008", "Request timestamp expired")
        expected = sign(
            card.secret, timestamp, call.method, call.raw_path, call.decoded_query,
            call.body.decode("utf-8", "replace"),
        )  # fmt: skip
        if not hmac.compare_digest(expected.encode(), headers["access-sign"].encode()):
            raise Refusal("40009", "sign signature error")
        if profile.ips and call.ip not in profile.ips:
            raise Refusal("40018", "Invalid IP")
        return card, profile

    @staticmethod
    def _check_passphrase(passphrase: str, card: Card) -> None:
        if not passphrase:
            raise Refusal("40011", "ACCESS_PASSPHRASE cannot be empty")
        if passphrase != card.passphrase:
            raise Refusal("40012", "apikey/password is incorrect")

    @staticmethod
    def _check_rights(path: str, profile: Profile) -> None:
        if profile.tax_only and not path.startswith("/api/v2/tax/"):
            wanted = PERMISSIONS.get(path, (frozenset(), "spot order read"))[1]
            raise Refusal("40014", f"Incorrect permissions, need {wanted} permissions")
        if path in PERMISSIONS and not profile.may(PERMISSIONS[path][0]):
            wanted = PERMISSIONS[path][1]
            raise Refusal("40014", f"Incorrect permissions, need {wanted} permissions")

    # -- private routes

    def _info(self, request: Request) -> bytes:
        profile = request.profile
        ips: Any = list(profile.ips) or None
        if profile.ips_as_text:
            ips = ",".join(profile.ips)
        return json.dumps(
            {
                "userId": profile.uid,
                "inviterId": "6000000009",
                "ips": ips,
                "authorities": list(profile.authorities),
                "parentId": int(profile.uid),
                "traderType": "not_trader",
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
        request.refuse_before(start, "43111", "param error time range illegal")
        limit = request.limit()
        books, params = request.books, request.params
        symbol = params.get("symbol", "").upper()
        if symbol and all(market.symbol != symbol for market in VENUE.markets):
            raise Refusal("40034", "Parameter symbol does not exist")
        low, high = books.fills.bounds(start, end, request.cursor(), False)
        events = books.fills.events
        wanted: list[Filter] = []
        if symbol:
            wanted.append(("symbol", symbol, lambda n: events[n].market.symbol))  # type: ignore[attr-defined]
        if params.get("orderId"):
            wanted.append(("orderId", params["orderId"], books.order_id_of))
        return request.page(books.fills, low, high, limit, wanted)

    def _bills(self, request: Request) -> bytes:
        start, end = request.span()
        request.refuse_before(start, "40704", "Can only check the data of the last three months")
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
        return request.page(table, low, high, limit, wanted, skip=(number - 1) * limit)

    def _assets(self, request: Request) -> bytes:
        wanted = request.params.get("coin", "").upper()
        every = request.params.get("assetType", "hold_only") == "all"
        known = request.books.spot_balances(request.now)
        held = request.books.life.held(request.now)
        if every:
            known = {asset.code: (0, 0) for asset in VENUE.assets} | known
        rows = []
        for coin, (balance, changed) in known.items():
            if (wanted and coin != wanted) or (balance == 0 and not every):
                continue
            scale = VENUE.asset(coin).scale
            frozen = held.get(("spot", coin), 0)
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
        ]
        for kind, coin, amount in holdings:
            asset = VENUE.asset(coin)
            kinds[kind] += Decimal(amount).scaleb(-asset.scale) * asset.usd
        rows = (
            f'{{"accountType":"{kind}","usdtBalance":"{exact(int(value * 10**8), 8)}"}}'
            for kind, value in kinds.items()
        )
        return f"[{','.join(rows)}]".encode()

    # -- public routes

    def _is_delisted(self, now: int) -> bool:
        """Whether the pair that was traded only briefly is gone by now."""
        world = self.world
        return now > world.opened_at + (world.end - world.opened_at) // 2

    def _coins(self, params: dict[str, str], now: int) -> bytes:
        wanted = params.get("coin", "").upper()
        brief = {market.base for market in VENUE.markets if market.brief}
        coins = [
            asset
            for asset in VENUE.assets
            if not (asset.code in brief and self._is_delisted(now))
            if wanted in ("", asset.code)
        ]
        if wanted and not coins:
            raise Refusal("40034", "Parameter coin does not exist")
        return json.dumps(
            [coin_row(n, asset) for n, asset in enumerate(coins)], separators=(",", ":")
        ).encode()

    def _symbols(self, params: dict[str, str], now: int) -> bytes:
        wanted = params.get("symbol", "").upper()
        rows = [
            symbol_row(market, "online")
            for market in VENUE.markets
            if not (market.brief and self._is_delisted(now))
        ]
        rows.append(symbol_row(OFFLINE, "offline"))
        rows = [row for row in rows if wanted in ("", row["symbol"])]
        if wanted and not rows:
            raise Refusal("40034", "Parameter symbol does not exist")
        return json.dumps(rows, separators=(",", ":")).encode()


Filter = tuple[str, str, Callable[[int], str]]
"""Name of the column, the value wanted, and how a row's value is found."""

KIND_OF_WALLET = {
    "usdt_futures": "futures", "usdc_futures": "futures", "coin_futures": "futures",
    "p2p": "funding", "crossed_margin": "margin", "isolated_margin": "margin", "bots": "bots",
}  # fmt: skip
OFFLINE = Market(
    symbol="OLDXUSDT", base="OLDX", quote="USDT", price_scale=4, quantity_scale=2, start_price=1
)


@dataclass(frozen=True)
class Request:
    """A signed and permitted request: its parameters, read with Bitget's refusals."""

    path: str
    params: dict[str, str]
    now: int
    profile: Profile
    books: Books

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number. Refuses what is none, and what is missing without a default."""
        text = self.params.get(name, "")
        if not text:
            if default is None:
                raise Refusal("40019", f"Parameter {name} cannot be empty")
            return default
        if not (text.isascii() and text.isdigit()):
            raise Refusal("40017", f"Parameter verification failed {name}")
        return int(text)

    def limit(self, default: int = 100, most: int | None = None) -> int:
        """The page size asked for. Refuses more than the documented maximum."""
        most = STREAMS[self.path].page_size if most is None else most
        wanted = self.number("limit", min(default, most))
        if not 1 <= wanted <= most:
            raise Refusal("40020", "Parameter limit error")
        return wanted

    def cursor(self) -> int | None:
        """The id that rows must lie below."""
        return self.number("idLessThan") if self.params.get("idLessThan") else None

    def span(self) -> tuple[int, int]:
        """First and last millisecond asked for, both inside, no later than now.

        Where times are optional, a missing one is filled in by the widest window there is.
        """
        stream = STREAMS[self.path]
        assert stream.max_window is not None
        width = int(stream.max_window.total_seconds()) * SECOND
        required = stream.name in TIMES_REQUIRED
        end = self.number("endTime", None if required else self.now)
        start = self.number("startTime", None if required else end - width)
        if start > end:
            raise Refusal("40707", "Start time is greater than end time")
        if end - start > width:
            days = width // DAY
            raise Refusal(
                "00001", f"startTime and endTime interval cannot be greater than {days} days"
            )
        return start, min(end, self.now)

    def refuse_before(self, start: int, code: str, text: str) -> None:
        """Refuse a start beyond the stream's retention; one that nobody asked for is let pass."""
        retention = STREAMS[self.path].retention
        assert retention is not None
        floor = self.now - int(retention.total_seconds()) * SECOND
        if start < floor and (self.params.get("startTime") or self.params.get("endTime")):
            raise Refusal(code, text)

    def page(
        self, table: Table, low: int, high: int, limit: int, wanted: list[Filter], skip: int = 0
    ) -> bytes:
        """One page as a JSON array, newest first."""
        rows: Iterator[int]
        if wanted:
            rows = iter(self._chosen(table, low, high, wanted)[::-1][skip : skip + limit])
        else:
            rows = table.newest(low, high, limit, skip)
        return b"[" + b",".join(table.row(n, self.now) for n in rows) + b"]"

    @staticmethod
    def _chosen(table: Table, low: int, high: int, wanted: list[Filter]) -> array[int]:
        (column, value, key), *more = wanted
        rows = table.matching(column, value, key, low, high)
        for _, value, key in more:
            rows = array("q", (n for n in rows if key(n) == value))
        return rows


def coin_row(n: int, asset: Asset) -> dict[str, Any]:
    """A coin as the public list has it; truth values are strings there."""
    return {
        "coinId": str(n + 2),
        "coin": asset.code,
        "transfer": "true",
        "chains": [
            {
                "chain": network,
                "needTag": "false",
                "withdrawable": "true",
                "rechargeable": "true",
                "withdrawFee": exact(int(asset.withdraw_fee * 10**8), 8),
                "extraWithdrawFee": "0",
                "depositConfirm": "1",
                "withdrawConfirm": "1",
                "minDepositAmount": "0.01",
                "minWithdrawAmount": "10",
                "browserUrl": "https://explorer.invalid/tx/",
                "contractAddress": None if network == asset.code else f"0x{n:040x}",
                "withdrawStep": "0",
                "withdrawMinScale": "6",
                "congestion": "normal",
            }
            for network in asset.networks
        ],
    }


def symbol_row(market: Market, status: str) -> dict[str, Any]:
    """A pair as the public list has it."""
    return {
        "symbol": market.symbol,
        "baseCoin": market.base,
        "quoteCoin": market.quote,
        "minTradeAmount": "0",
        "maxTradeAmount": "900000000000000000000",
        "takerFeeRate": "0.001",
        "makerFeeRate": "0.0008",
        "pricePrecision": str(market.price_scale),
        "quantityPrecision": str(market.quantity_scale),
        "quotePrecision": str(market.price_scale + market.quantity_scale),
        "status": status,
        "minTradeUSDT": "1",
        "buyLimitPriceRatio": "0.05",
        "sellLimitPriceRatio": "0.05",
        "areaSymbol": "no",
        "orderQuantity": "200",
        "openTime": "1628000000000",
        "offTime": "1717200000000" if status == "offline" else "",
    }


def build(world: World) -> Bitget:
    """Bitget's stand-in in that world."""
    return Bitget(world)
