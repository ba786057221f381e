"""BitMEX's stand-in: the read routes of /api/v1, told from synthetic books, with its refusals.

Order of checks: ban, signature (see `bitmex_keys.check`), permission, quota, route, parameters.
Nothing here knows the client: routes, words and limits come from the exchange's documentation.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from typing import Any

import msgspec

from pipelines.sandbox.account import DAY, HOUR
from pipelines.sandbox.bitmex_keys import Key, Refusal, check, iso, make_credentials
from pipelines.sandbox.bitmex_ledger import Books, keep_books
from pipelines.sandbox.bitmex_market import (
    ASSETS,
    CLOSED_AT,
    INSTRUMENT_COLUMNS,
    NETWORKS,
    Market,
    funding_history,
    instruments,
    number,
    resolve_symbol,
    settlement_history,
)
from pipelines.sandbox.bitmex_plan import MIGRATED_AT, LedgerPlan, Transfer, guid, moment
from pipelines.sandbox.bitmex_quota import Bucket, Quota
from pipelines.sandbox.bitmex_table import (
    BadParameter,
    Question,
    Rows,
    Table,
    as_csv,
    as_json,
    understand,
)
from pipelines.sandbox.bitmex_truth import tell
from pipelines.sandbox.dialect import Answer, Call, Card, Dialect, World
from pipelines.specs.bitmex import SPEC

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
ZERO_GUID = "00000000-0000-0000-0000-000000000000"

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
            "/position": self._position,
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
        several = asked.params.get("targetAccountIds", "")
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


# -- objects that are made for the moment ------------------------------------------------------


def wallet_object(books: Books, currency: str, now: int) -> dict[str, Any]:
    """/user/wallet of one currency; one never used has zeros and the account's first day."""

    def total(kind: str) -> int:
        totals = books.totals.get((currency, kind, ""))
        return totals.between(None, now)[1] if totals else 0

    def moved(side: Mapping[str, Any]) -> int:
        return side[currency].between(None, now)[1] if currency in side else 0

    changes = books.balances.get(currency)
    rows = changes.between(None, now)[0] if changes else 0
    changed = changes.times[rows - 1] if changes and rows else books.plan.opened_at
    return {
        "account": books.plan.account, "currency": currency, "deposited": total("Deposit"),
        "withdrawn": -total("Withdrawal"), "transferIn": moved(books.incoming),
        "transferOut": moved(books.outgoing), "amount": books.balance(currency, now),
        "pendingCredit": 0, "pendingDebit": books.pending_debit(currency, now),
        "confirmedDebit": 0, "timestamp": iso(changed),
    }  # fmt: skip


def pseudo_rows(books: Books, currency: str, now: int) -> list[bytes]:
    """Unrealised profit of open positions, written among the wallet rows though it is none.

    Before 2024 it had an all-zero id and null times; later no id, and the moment of the call.
    """
    rows = []
    for market, _, _, profit in books.open_positions(now):
        if currency not in ("all", market.settle):
            continue
        balance = books.balance(market.settle, now)
        time = f'"{iso(now)}"' if now >= MIGRATED_AT else "null"
        head = "" if now >= MIGRATED_AT else f'"transactID":"{ZERO_GUID}","tx":"","text":"",'
        rows.append((
            f'{{{head}"account":{books.plan.account},"currency":"{market.settle}",'
            f'"transactType":"UnrealisedPNL","amount":{profit},"walletBalance":{balance},'
            f'"fee":0,"transactStatus":"Pending","address":"{market.symbol}",'
            f'"marginBalance":{balance + profit},"transactTime":{time},"timestamp":{time}}}'
        ).encode())  # fmt: skip
    return rows


def summary_rows(
    books: Books, currency: str, since: int | None, until: int, now: int
) -> list[dict[str, Any]]:
    """One currency's wallet history by type and, for profit, symbol; and its total."""
    unrealised = {
        market.symbol: profit for market, _, _, profit in books.open_positions(now)
        if market.settle == currency
    }  # fmt: skip
    pending = books.pending_debit(currency, now)
    rows, amounts, fees = [], 0, 0
    for (of, kind, symbol), totals in sorted(books.totals.items()):
        count, amount, fee = totals.between(since, until)
        if of != currency or not count:
            continue
        amounts, fees = amounts + amount, fees + fee
        debit = pending if kind == "Withdrawal" else 0
        rows.append(_summary(books, currency, kind, symbol, amount, fee, amount,
                             unrealised.get(symbol, 0) if symbol else 0, debit))  # fmt: skip
    balance = books.balance(currency, until)
    rows.append(_summary(books, currency, "Total", "", amounts, fees, balance,
                         sum(unrealised.values()), pending))  # fmt: skip
    return rows


def _summary(
    books: Books, currency: str, kind: str, symbol: str, amount: int, fee: int, balance: int,
    unrealised: int, pending: int,
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = {
        "account": books.plan.account, "currency": currency, "transactType": kind,
    }  # fmt: skip
    if symbol:
        row["symbol"] = symbol
    return row | {
        "amount": amount, "fee": fee, "pendingDebit": pending, "realisedPnl": 0,
        "walletBalance": balance, "unrealisedPnl": unrealised,
        "marginBalance": balance + unrealised,
    }  # fmt: skip


def margin_object(books: Books, currency: str, now: int) -> dict[str, Any]:
    """/user/margin of one currency."""
    balance, pending = books.balance(currency, now), books.pending_debit(currency, now)
    value = profit = 0
    for market, _, cost, unrealised in books.open_positions(now):
        if market.settle == currency:
            value += abs(cost + unrealised)
            profit += unrealised
    margin, needed = balance + profit, value // 100
    return {
        "account": books.plan.account, "currency": currency, "riskLimit": 1_000_000_000_000,
        "amount": balance, "grossComm": 0, "grossOpenCost": 0, "grossOpenPremium": 0,
        "grossMarkValue": value, "riskValue": value, "initMargin": needed,
        "maintMargin": needed // 2, "targetExcessMargin": 0, "realisedPnl": 0,
        "unrealisedPnl": profit, "walletBalance": balance, "marginBalance": margin,
        "marginLeverage": round(value / margin, 4) if margin else 0,
        "marginUsedPcnt": round(needed / margin, 4) if margin else 0,
        "excessMargin": margin - needed // 2, "availableMargin": margin - needed,
        "withdrawableMargin": max(0, min(balance, margin) - needed - pending),
        "makerFeeDiscount": 0, "takerFeeDiscount": 0, "timestamp": iso(now),
    }  # fmt: skip


def position_object(books: Books, symbol: str, now: int) -> dict[str, Any] | None:
    """/position of one symbol; closed ones stay listed, None before the first trade."""
    state = books.positions[symbol].at(now)
    if state is None:
        return None
    market, quantity, cost = state
    mark = market.price_at(now)
    value = market.cost(quantity, mark)
    realised = books.totals.get((market.settle, "RealisedPNL", symbol))
    home, foreign = market.notionals(quantity, mark, value)
    row: dict[str, Any] = {
        "account": books.plan.account, "symbol": symbol, "currency": market.settle,
        "underlying": market.root, "quoteCurrency": market.quote,
        "commission": number(market.taker_ppm, 6), "leverage": 100, "crossMargin": True,
        "rebalancedPnl": realised.between(None, now)[1] if realised else 0,
        "openOrderBuyQty": 0, "openOrderSellQty": 0, "currentQty": quantity,
        "currentCost": cost, "currentComm": 0, "realisedCost": 0, "unrealisedCost": cost,
        "isOpen": quantity != 0, "markPrice": number(mark, market.digits), "markValue": value,
        "riskValue": abs(value), "homeNotional": home, "foreignNotional": foreign,
        "posCost": cost, "realisedPnl": 0, "unrealisedPnl": value - cost, "strategy": "OneWay",
    }  # fmt: skip
    if quantity:
        row["avgCostPrice"] = row["avgEntryPrice"] = _entry_price(market, quantity, cost)
    return row | {"timestamp": iso(now)}


def _entry_price(market: Market, quantity: int, cost: int) -> float:
    """A snapshot's average price; shown to four digits, and no basis for accounting."""
    if market.shape == "inverse":
        return round(market.multiplier * quantity / cost, 4)
    return round(cost / (market.multiplier * quantity), 4)


# -- accounts and keys -------------------------------------------------------------------------


def make_plans(world: World) -> dict[int, LedgerPlan]:
    """The accounts by number: main, its subaccount, an older closed-down one, and an empty one."""
    first = 1_000_001 + world.seed % 1_000 * 800
    end = min(world.end, CLOSED_AT)
    horizon = min(world.end + world.future, CLOSED_AT)
    main, sub, older, empty = first, first + 1, first + 7, first + 9
    opened = world.option("bitmex.opened_at", None)
    start = moment(opened) if opened else min(world.opened_at, moment("2019-11-05"))
    start = max(start, moment("2016-06-01"))
    sub_start = min(moment("2023-02-01"), end - 90 * DAY)
    outward, inward = _family_transfers(world.seed, main, sub, sub_start)
    if not world.fills:  # nothing to send from
        outward = inward = ()
    older_end = min(moment("2021-12-15"), end)
    tie = world.tie_groups[0] if world.tie_groups else min(620, max(12, world.fills // 5))
    odd = Transfer("XBt", 12_345, "", "", guid(random.Random(world.seed)), "InsuranceAdjustment")
    plans = [
        LedgerPlan(
            account=main, seed=world.seed, opened_at=start, end=end, horizon=horizon,
            fills=world.fills, tie_group=tie, transfers=outward,
        ),
        LedgerPlan(
            account=sub, seed=world.seed, opened_at=sub_start, end=end, horizon=horizon,
            fills=min(5_000, max(24, world.fills // 20)), transfers=inward, stays_open=False,
        ),
        LedgerPlan(
            account=older, seed=world.seed, opened_at=min(moment("2018-03-01"), end - 400 * DAY),
            end=older_end, horizon=older_end, fills=min(5_000, max(60, world.fills // 10)),
            transfers=((moment("2020-05-14T16:20:11.004"), odd),), stays_open=False,
        ),
        LedgerPlan(
            account=empty, seed=world.seed, opened_at=end - 200 * DAY, end=end, horizon=horizon,
            fills=0,
        ),
    ]  # fmt: skip
    return {plan.account: plan for plan in plans}


def _family_transfers(
    seed: int, main: int, sub: int, start: int
) -> tuple[tuple[tuple[int, Transfer], ...], tuple[tuple[int, Transfer], ...]]:
    """Moves between an account and its subaccount: the same `tx` on both sides."""
    rng = random.Random(f"family {seed}")
    outward, inward = [], []
    for days, amount in ((1, 40_000_000), (20, 25_000_000), (55, -30_000_000)):
        at, tx = start + days * DAY + rng.randrange(DAY), guid(rng)
        outward.append((at, Transfer("XBt", -amount, str(sub), "", tx)))
        inward.append((at, Transfer("XBt", amount, str(main), "", tx)))
    return tuple(outward), tuple(inward)


def make_keys(world: World, plans: Mapping[int, LedgerPlan]) -> list[Key]:
    """Every key, the main read-only one first."""
    main, sub, older, empty = plans
    users = {main: 900_001, sub: 900_001, older: 900_207, empty: 900_311}

    def key(label: str, profile: str, account: int, **more: Any) -> Key:
        key_id, secret = make_credentials(world.seed, label)
        created = plans[account].opened_at + 30 * DAY
        return Key(
            label=label, profile=profile, id=key_id, secret=secret, account=account,
            user_id=users[account], created=created, **more,
        )  # fmt: skip

    return [
        key("bitmex-main", "read-only", main),
        key("bitmex-trading", "trading", main, permissions=("order",)),
        key("bitmex-canceling", "canceling", main, permissions=("orderCancel",)),
        key("bitmex-withdrawing", "withdrawing", main, permissions=("withdraw",)),
        key("bitmex-disabled", "disabled", main, enabled=False),
        key("bitmex-ip-bound", "ip-bound", main, cidrs=("198.51.100.7/32",)),
        key("bitmex-sub", "subaccount", sub),
        key("bitmex-older", "older", older, knows_self=False),
        key("bitmex-empty", "empty", empty),
    ]


def build(world: World) -> Dialect:
    """The stand-in of that world."""
    return Bitmex(world)
