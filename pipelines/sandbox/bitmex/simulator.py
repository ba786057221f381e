"""BitMEX's stand-in: the read routes of /api/v1, told from synthetic books, with its refusals.

Order of checks: ban, signature (see `bitmex_keys.check`), permission, quota, route, parameters.
Nothing here knows the client: routes, words and limits come from the exchange's documentation.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any

import msgspec

from pipelines.exchanges.bitmex.spec import SPEC
from pipelines.sandbox.bitmex.accounts import make_keys, make_plans
from pipelines.sandbox.bitmex.beside import (
    commissions,
    deposit_address,
    life_cycle,
    trading_volume,
    user_events,
)
from pipelines.sandbox.bitmex.fields import IDLE_FIELDS
from pipelines.sandbox.bitmex.keys import Key, Refusal, check, iso
from pipelines.sandbox.bitmex.ledger import Books, keep_books
from pipelines.sandbox.bitmex.market import (
    ASSETS,
    CLOSED_AT,
    INSTRUMENT_COLUMNS,
    NETWORKS,
    SCALES,
    funding_history,
    instruments,
    resolve_symbol,
    settlement_history,
)
from pipelines.sandbox.bitmex.quota import Bucket, Quota
from pipelines.sandbox.bitmex.state import (
    address_rows,
    affiliate_object,
    margin_object,
    position_object,
    pseudo_rows,
    staking_rows,
    summary_rows,
    wallet_object,
)
from pipelines.sandbox.bitmex.table import (
    BadParameter,
    Question,
    Rows,
    Table,
    as_csv,
    as_json,
    understand,
)
from pipelines.sandbox.bitmex.truth import tell
from pipelines.sandbox.engine.account import DAY, HOUR
from pipelines.sandbox.engine.dialect import Answer, Call, Card, Dialect, World

BASE = "/api/v1"
JSON = "application/json; charset=utf-8"
WALLET_LIMIT = SPEC.stream("wallet_history").page_size
TABLE_LIMIT = SPEC.stream("trade_history").page_size
WALLET_COLUMNS = SPEC.stream("wallet_history").fields
EXECUTION_COLUMNS = SPEC.stream("trade_history").fields
ORDER_COLUMNS = SPEC.stream("orders").fields
BAN_PAGE = (
    b'<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body bgcolor="white">\r\n'
    b"<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n"
)
OVERLOADED = "The system is currently overloaded. Please try again later."
WRITES = {
    ("POST", "/order"): ("order",), ("PUT", "/order"): ("order",),
    ("DELETE", "/order"): ("order", "orderCancel"),
    ("DELETE", "/order/all"): ("order", "orderCancel"),
    ("POST", "/order/closePosition"): ("order",), ("POST", "/position/leverage"): ("order",),
    ("POST", "/user/requestWithdrawal"): ("withdraw",),
    ("DELETE", "/user/withdrawal"): ("withdraw",), ("POST", "/user/walletTransfer"): ("withdraw",),
}  # fmt: skip
"""Routes that change something, and the permissions of which a key needs one."""


@dataclass(frozen=True)
class Reply:
    """A successful answer: rows that are JSON already, or one value."""

    rows: Sequence[bytes] | None = None
    columns: tuple[str, ...] = ()
    value: Any = None

    def with_fields(self, fields: Mapping[str, Any]) -> Reply:
        """The same answer with those fields at the end of each row."""
        if not fields:
            return self
        if self.rows is not None:
            end = b"," + msgspec.json.encode(fields)[1:]
            rows = [row[:-1] + end for row in self.rows]
            return replace(self, rows=rows, columns=(*self.columns, *fields))
        if isinstance(self.value, list):
            return replace(self, value=[{**row, **fields} for row in self.value])
        return replace(self, value={**self.value, **fields})

    def body(self, form: str) -> tuple[bytes, str]:
        """Body and content type in the asked format; only tables and objects have a CSV form."""
        if form == "csv":
            rows = self.rows if self.rows is not None else [msgspec.json.encode(self.value)]
            columns = self.columns or tuple(msgspec.json.decode(rows[0]) if rows else ())
            return as_csv(rows, columns), "text/csv; charset=utf-8"
        if self.rows is not None:
            return as_json(self.rows), JSON
        return msgspec.json.encode(self.value), JSON


@dataclass(frozen=True)
class Asked:
    """One request past its checks."""

    key: Key | None
    params: Mapping[str, str]
    now: int

    @property
    def signer(self) -> Key:
        """The key of a private route."""
        assert self.key is not None
        return self.key


def small_table(name: str, rows: list[dict[str, Any]], keys: tuple[str, ...]) -> Table:
    """A table of a few rows that have no time to be bisected by."""
    texts = [msgspec.json.encode(row) for row in rows]
    columns = tuple(dict.fromkeys(column for row in rows for column in row)) or keys
    return Table(name, columns, keys, Rows(array("q", [0] * len(texts)), texts))


class Bitmex:
    """The dialect: keys, books and routes."""

    name = "bitmex"

    def __init__(self, world: World) -> None:
        self.world = world
        self.clock = world.clock
        assert SPEC.account_rate and SPEC.public_rate
        self.quota = Quota(world.clock, world.pace, SPEC.account_rate, SPEC.public_rate)
        self.plans = make_plans(world)
        self.keys = {key.id: key for key in make_keys(world, self.plans)}
        self._books: dict[int, Books] = {}
        self._tables: dict[tuple[int, str], Table] = {}
        self._public: dict[str, tuple[int, Table]] = {}
        self.public_routes: dict[str, Callable[[Asked], Reply]] = {
            "/instrument": self._instrument,
            "/instrument/active": self._active_instruments,
            "/instrument/activeAndIndices": self._active_instruments,
            "/funding": self._funding,
            "/settlement": self._settlement,
            "/wallet/assets": lambda _: Reply(value=ASSETS),
            "/wallet/networks": lambda _: Reply(value=NETWORKS),
        }
        self.private_routes: dict[str, Callable[[Asked], Reply]] = {
            "/apiKey": self._api_keys,
            "/apiKey/self": self._api_key,
            "/user": self._user,
            "/user/wallet": self._wallet,
            "/user/walletHistory": self._wallet_history,
            "/user/walletSummary": self._wallet_summary,
            "/user/margin": self._margin,
            "/user/executionHistory": self._daily_executions,
            "/user/affiliateStatus": self._affiliate_status,
            "/user/staking": self._staking,
            "/user/commission": lambda asked: Reply(value=commissions(asked.now)),
            "/user/tradingVolume": lambda asked: Reply(
                value=trading_volume(self.books(asked.signer.account), asked.now)
            ),
            "/user/depositAddress": lambda asked: Reply(
                value=deposit_address(asked.signer.account, dict(asked.params))
            ),
            "/user/depositAddressInformation": lambda asked: Reply(
                value={
                    "address": deposit_address(asked.signer.account, dict(asked.params)),
                    "memo": None,
                }
            ),
            # Nobody here unstakes, has a collateral agreement, or accounts to send to.
            "/user/unstakingRequests": lambda _: Reply(value=[]),
            "/user/csa": lambda _: Reply(value=[]),
            "/user/getWalletTransferAccounts": lambda _: Reply(value=[]),
            "/userEvent": lambda asked: Reply(
                value=user_events(
                    self.books(asked.signer.account), asked.signer, dict(asked.params), asked.now
                )
            ),
            "/address": self._addresses,
            "/position": self._position,
            "/execution": self._executions,
            "/execution/tradeHistory": self._trade_history,
            "/order": self._orders,
        }
        if world.fills > 50_000 and world.option("bitmex.eager", True):
            self.books(self.keys[next(iter(self.keys))].account)

    # -- what the shell asks

    def cards(self) -> list[Card]:
        """Every key there is, the main read-only one first."""
        return [
            Card(
                exchange=self.name, label=key.label, key=key.id, secret=key.secret,
                uid=str(key.account), profile=key.profile, account_id=f"bitmex:{key.account}",
            )
            for key in self.keys.values()
        ]  # fmt: skip

    def label_of(self, call: Call) -> str:
        """The label of the key a call shows."""
        key = self.keys.get(call.headers.get("api-key", ""))
        return key.label if key else ""

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """What really happened to that key's account up to `at`."""
        key = next(key for key in self.keys.values() if key.label == label)
        return tell(self.books(key.account), key.account, at, parts)

    def fault(self, name: str, call: Call) -> Answer | None:
        """An injected failure in the exchange's own shape."""
        shapes = {
            "429": Refusal(429, "Rate limit exceeded, retry in 1 seconds.", "RateLimitError"),
            "500": Refusal(500, "Server Error"),
            "503": Refusal(503, OVERLOADED),
            "expired": Refusal(
                400, "This request has expired - `expires` is in the past. "
                f"Current time: {self.clock.now_ms() // 1_000}"),
            "access_denied": Refusal(403, "Access Denied"),
            "ip": Refusal(403, "This IP address is not allowed to use this key."),
        }  # fmt: skip
        if name == "ban":
            return self._ban()
        if name not in shapes:
            return None
        shape = shapes[name]
        extra = (("Retry-After", "1"),) if shape.status == 429 else ()
        return Answer(shape.status, shape.body(), extra, JSON)

    def handle(self, call: Call) -> Answer:
        """The answer to a request, refusals included."""
        if self.quota.banned(call.ip):
            return self._ban()
        bucket = self.quota.bucket(call.ip, signed=False)
        user: tuple[tuple[str, str], ...] = ()
        extra: tuple[tuple[str, str], ...] = ()
        try:
            key = self._identify(call)
            if key is not None:
                bucket = self.quota.bucket(str(key.account), signed=True)
                user = (("X-User-ID", str(key.user_id)),)
            self._permit(call, key)
            if not self.quota.take(bucket):
                extra = (("Retry-After", str(bucket.wait_seconds())),)
                raise Refusal(429, f"Rate limit exceeded, retry in {bucket.wait_seconds()} "
                              "seconds.", "RateLimitError")  # fmt: skip
            body, kind = self._serve(call, key)
            status = 200
        except Refusal as refusal:
            status, body, kind = refusal.status, refusal.body(), JSON
            self.quota.refused(call.ip)
        return Answer(status, body, (*self._headers(bucket), *user, *extra), kind)

    def _headers(self, bucket: Bucket) -> tuple[tuple[str, str], ...]:
        return (*self.quota.headers(bucket), ("X-Powered-By", "Profit"))

    @staticmethod
    def _ban() -> Answer:
        return Answer(403, BAN_PAGE, (("Server", "awselb/2.0"),), "text/html")

    # -- the checks

    def _identify(self, call: Call) -> Key | None:
        """The key of a signed request; None for an unsigned one to a public route."""
        route = call.path.removeprefix(BASE)
        signed = any(name in call.headers for name in ("api-key", "api-signature"))
        if not signed and (route in self.public_routes or not self._known(call.method, route)):
            return None
        target = call.raw_path + (f"?{call.query}" if call.query else "")
        return check(
            self.keys, verb=call.method, target=target, headers=call.headers, body=call.body,
            ip=call.ip, now=self.clock.now_ms(),
        )  # fmt: skip

    def _known(self, method: str, route: str) -> bool:
        return route in self.private_routes or (method, route) in WRITES

    @staticmethod
    def _permit(call: Call, key: Key | None) -> None:
        needed = WRITES.get((call.method, call.path.removeprefix(BASE)))
        if needed and not set(needed) & set(key.permissions if key else ()):
            raise Refusal(403, "Access Denied")

    def _serve(self, call: Call, key: Key | None) -> tuple[bytes, str]:
        route = call.path.removeprefix(BASE)
        if (call.method, route) in WRITES:
            raise Refusal(400, "This stand-in takes no orders and moves no money.")
        handler = self.public_routes.get(route) or self.private_routes.get(route)
        if not call.path.startswith(BASE) or handler is None or call.method != "GET":
            raise Refusal(404, "Not Found")
        params = call.params()
        try:
            reply = handler(Asked(key, params, self.clock.now_ms()))
        except BadParameter as bad:
            raise Refusal(400, bad.text, bad.name) from bad
        if not params.get("columns"):
            reply = reply.with_fields(IDLE_FIELDS.get(route, {}))
        return reply.body(params.get("_format", "json"))

    # -- the account's books

    def books(self, account: int) -> Books:
        """The books of an account, kept on first use."""
        if account not in self._books:
            self._books[account] = keep_books(self.plans[account])
        return self._books[account]

    def _account_of(self, asked: Asked) -> int:
        """The account a request is about: the key's own, or one paired with it."""
        target = asked.params.get("targetAccountId", "")
        if not target:
            return asked.signer.account
        if not target.isdigit() or int(target) not in self._paired(asked.signer):
            raise Refusal(403, "Access Denied")
        return int(target)

    def _paired(self, key: Key) -> list[int]:
        return sorted({k.account for k in self.keys.values() if k.user_id == key.user_id})

    # -- who am I

    def _api_key(self, asked: Asked) -> Reply:
        if not asked.signer.knows_self:
            raise Refusal(404, "Not Found")
        return Reply(value=asked.signer.told())

    def _api_keys(self, asked: Asked) -> Reply:
        mine = [k.told() for k in self.keys.values() if k.user_id == asked.signer.user_id]
        return Reply(value=mine[::-1] if asked.params.get("reverse") == "true" else mine)

    def _user(self, asked: Asked) -> Reply:
        books = self.books(asked.signer.account)
        told: dict[str, Any] = {
            "id": asked.signer.user_id, "username": "demo_user", "accountName": "Main",
            "isUser": True, "email": "d***@example.org", "created": iso(books.plan.opened_at),
            "lastUpdated": iso(books.plan.opened_at), "preferences": {"locale": "en-US"},
            "TFAEnabled": "GA", "affiliateID": "abc123", "country": "NLD", "geoipCountry": "NL",
            "typ": "Individual",
        }  # fmt: skip
        traded = books.executions.times
        if len(traded) and traded[0] <= asked.now:
            told["firstTradeTimestamp"] = iso(traded[0])
        paid_in = [t.times[0] for (_, kind, _), t in books.totals.items() if kind == "Deposit"]
        if paid_in and min(paid_in) <= asked.now:
            told["firstDepositTimestamp"] = iso(min(paid_in))
        return Reply(value=told)

    # -- wallet

    def _wallet(self, asked: Asked) -> Reply:
        books, wanted = self.books(asked.signer.account), asked.params.get("currency", "XBt")
        if wanted != "all":
            return Reply(value=wallet_object(books, wanted, asked.now))
        known = [str(asset["currency"]) for asset in ASSETS]
        return Reply(value=[wallet_object(books, currency, asked.now) for currency in known])

    def _wallet_history(self, asked: Asked) -> Reply:
        account, currency = self._account_of(asked), asked.params.get("currency", "XBt")
        question = understand(
            {k: v for k, v in asked.params.items() if k in ("count", "start", "reverse")},
            WALLET_COLUMNS, default=WALLET_LIMIT, most=WALLET_LIMIT, newest=True,
        )  # fmt: skip
        books = self.books(account)
        table = self._wallet_table(account, currency)
        pseudo = pseudo_rows(books, currency, asked.now)
        start, count = question.start, question.count
        if question.reverse:
            head = pseudo[start : start + count]
            rest = _shifted(question, max(0, start - len(pseudo)), count - len(head))
            rows = head + table.ask(asked.now, rest)
        else:
            rows = table.ask(asked.now, question)
            left = max(0, start - table.at(asked.now)[1])
            rows = rows + pseudo[left : left + count - len(rows)]
        return Reply(rows, WALLET_COLUMNS)

    def _wallet_table(self, account: int, currency: str) -> Table:
        name = f"walletHistory {currency}"
        if (account, name) not in self._tables:
            books = self.books(account)
            rows = books.wallet.get(currency, Rows(array("q"), []))
            self._tables[account, name] = Table(
                name, WALLET_COLUMNS, ("transactID",), rows,
                lambda now: books.pending_rows(now, currency),
            )  # fmt: skip
        return self._tables[account, name]

    def _wallet_summary(self, asked: Asked) -> Reply:
        question = understand(
            {k: v for k, v in asked.params.items() if k in ("startTime", "endTime")},
            (), default=100, most=TABLE_LIMIT, newest=False,
        )  # fmt: skip
        books, wanted = self.books(asked.signer.account), asked.params.get("currency", "XBt")
        currencies = books.currencies(asked.now) if wanted == "all" else [wanted]
        until = asked.now if question.until is None else min(asked.now, question.until)
        rows: list[dict[str, Any]] = []
        for currency in currencies:
            rows += summary_rows(books, currency, question.since, until, asked.now)
        return Reply(value=rows)

    def _margin(self, asked: Asked) -> Reply:
        books, wanted = self.books(asked.signer.account), asked.params.get("currency", "XBt")
        if wanted != "all":
            return Reply(value=margin_object(books, wanted, asked.now))
        held = [c for c in books.currencies(asked.now) if books.balance(c, asked.now)]
        return Reply(value=[margin_object(books, currency, asked.now) for currency in held])

    def _affiliate_status(self, asked: Asked) -> Reply:
        books, wanted = self.books(asked.signer.account), asked.params.get("currency", "XBt")
        if wanted not in SCALES:
            raise BadParameter("Invalid currency", "ValidationError")
        return Reply(value=affiliate_object(books, wanted, asked.now))

    def _staking(self, asked: Asked) -> Reply:
        rows = staking_rows(self.books(asked.signer.account), asked.now)
        wanted = asked.params.get("currency", "")
        return Reply(value=[row for row in rows if wanted in ("", row["currency"])])

    def _addresses(self, asked: Asked) -> Reply:
        signer = asked.signer
        return Reply(value=address_rows(self.books(signer.account), signer.user_id, asked.now))

    # -- tables

    def _ask(self, asked: Asked, table: Table, newest: bool = False) -> Reply:
        params = dict(asked.params)
        question = understand(params, table.columns, default=100, most=TABLE_LIMIT, newest=newest)
        if params.get("symbol"):
            symbol = msgspec.json.encode(resolve_symbol(params["symbol"], asked.now))
            question = _with(question, wanted={**question.wanted, "symbol": (symbol,)})
        rows = table.project(table.ask(asked.now, question), question.columns)
        kept = dict.fromkeys((*table.keys, *question.columns)) if question.columns else ()
        return Reply(rows, tuple(kept) or table.columns)

    def _trade_history(self, asked: Asked) -> Reply:
        accounts = [self._account_of(asked)]
        mixes = self.world.option("bitmex.parent_reads_all", False)
        several = asked.params.get("targetAccountIds", "*" if mixes else "")
        if several == "*":
            accounts = self._paired(asked.signer)
        elif several:
            try:
                accounts = msgspec.json.decode(several, type=list[int])
            except msgspec.MsgspecError as error:
                raise BadParameter("targetAccountIds is invalid") from error
            if not set(accounts) <= set(self._paired(asked.signer)):
                raise Refusal(403, "Access Denied")
        return self._ask(asked, self._execution_table(accounts))

    def _execution_table(self, accounts: list[int]) -> Table:
        name = f"tradeHistory {accounts}"
        if (0, name) not in self._tables:
            runs = [self.books(account).executions for account in accounts]
            rows = runs[0] if len(runs) == 1 else _merged(runs)
            self._tables[0, name] = Table(name, EXECUTION_COLUMNS, ("execID",), rows)
        return self._tables[0, name]

    def _executions(self, asked: Asked) -> Reply:
        """Every report on every order, also on those that came to nothing."""
        account = asked.signer.account
        if (account, "execution") not in self._tables:
            rows = life_cycle(self.books(account))
            self._tables[account, "execution"] = Table(
                "execution", EXECUTION_COLUMNS, ("execID",), rows
            )
        return self._ask(asked, self._tables[account, "execution"])

    def _orders(self, asked: Asked) -> Reply:
        account = asked.signer.account
        if (account, "order") not in self._tables:
            books = self.books(account)
            self._tables[account, "order"] = Table(
                "order", ORDER_COLUMNS, ("orderID",), books.orders, books.open_orders.at
            )
        return self._ask(asked, self._tables[account, "order"])

    def _daily_executions(self, asked: Asked) -> Reply:
        """The executions behind one daily profit row; nothing for times other than noon."""
        if not asked.params.get("symbol") or not asked.params.get("timestamp"):
            raise BadParameter("symbol and timestamp are required.", "ValidationError")
        question = understand(
            {"endTime": asked.params["timestamp"]}, EXECUTION_COLUMNS, default=1_000_000,
            most=1_000_000, newest=False,
        )  # fmt: skip
        until = question.until or 0
        if until % DAY != 12 * HOUR:
            return Reply([], EXECUTION_COLUMNS)
        symbol = msgspec.json.encode(asked.params["symbol"])
        question = _with(question, since=until - DAY, until=until - 1, wanted={"symbol": (symbol,)})
        rows = self._execution_table([asked.signer.account]).ask(asked.now, question)
        return Reply(rows, EXECUTION_COLUMNS)

    def _position(self, asked: Asked) -> Reply:
        books = self.books(asked.signer.account)
        rows = [
            row for symbol in sorted(books.positions)
            if (row := position_object(books, symbol, asked.now))
        ]  # fmt: skip
        return self._ask(asked, small_table("position", rows, ("account", "symbol", "currency")))

    # -- public

    def _instrument(self, asked: Asked) -> Reply:
        day = asked.now // DAY
        if self._public.get("instrument", (None,))[0] != day:
            table = small_table("instrument", instruments(asked.now), ("symbol",))
            table.columns = INSTRUMENT_COLUMNS
            self._public["instrument"] = (day, table)
        return self._ask(asked, self._public["instrument"][1])

    def _active_instruments(self, asked: Asked) -> Reply:
        return Reply(value=[row for row in instruments(asked.now) if row["state"] == "Open"])

    def _funding(self, asked: Asked) -> Reply:
        return self._ask(asked, self._public_table("funding", lambda: funding_history(CLOSED_AT)))

    def _settlement(self, asked: Asked) -> Reply:
        return self._ask(asked, self._public_table("settlement", settlement_history))

    def _public_table(self, name: str, make: Callable[[], list[tuple[int, bytes]]]) -> Table:
        if name not in self._public:
            made = make()
            columns = tuple(msgspec.json.decode(made[0][1]))
            rows = Rows(array("q", [at for at, _ in made]), [row for _, row in made])
            table = Table(name, columns, ("timestamp", "symbol"), rows)
            self._public[name] = (0, table)
        return self._public[name][1]


def _with(question: Question, **changes: Any) -> Question:
    return replace(question, **changes)


def _shifted(question: Question, start: int, count: int) -> Question:
    return _with(question, start=start, count=count)


def _merged(runs: list[Rows]) -> Rows:
    """Several accounts' rows by time."""
    pairs = list(merge(*(zip(run.times, run.rows, strict=True) for run in runs)))
    return Rows(array("q", [at for at, _ in pairs]), [row for _, row in pairs])


def build(world: World) -> Dialect:
    """The stand-in of that world."""
    return Bitmex(world)
