"""BitMEX's simulator: the read routes of /api/v1, with its refusals.

Order of checks: ban, signature, quota, route, permission, parameters. Switches (`options` of the
sandbox): bitmex.opened_at (an ISO date), bitmex.parent_reads_all (False).
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import msgspec

from pipelines.sandbox.bitmex import keys, state
from pipelines.sandbox.bitmex.accounts import make_keys, make_plans, users_of
from pipelines.sandbox.bitmex.fields import IDLE_FIELDS
from pipelines.sandbox.bitmex.keys import iso, refusal
from pipelines.sandbox.bitmex.ledger import Account, keep_ledger, replaced_at
from pipelines.sandbox.bitmex.lists import (
    Rows,
    Span,
    bad_param,
    rows_of,
    small_table,
    table_of,
    write,
)
from pipelines.sandbox.bitmex.market import (
    ASSETS,
    CLOSED_AT,
    INSTRUMENT_COLUMNS,
    NETWORKS,
    SCALES,
    funding_history,
    instruments,
    settlement_history,
)
from pipelines.sandbox.bitmex.quota import ACCOUNT, ADDRESS, Bucket, Quota
from pipelines.sandbox.bitmex.supplementary import (
    commissions,
    deposit_address,
    life_cycle,
    trading_volume,
    user_events,
)
from pipelines.sandbox.bitmex.truth import ground_truth
from pipelines.sandbox.engine.account import DAY, HOUR
from pipelines.sandbox.engine.adapter import Answer, Call, Card, World
from pipelines.sandbox.engine.simulator import Simulator
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    Error,
    Headers,
    Key,
    Moment,
    Offset,
    Param,
    Problem,
    Profile,
    Refusal,
    Request,
    Route,
    Text,
    Whole,
)

BASE = "/api/v1"
WALLET_LIMIT = 10_000
WALLET_COLUMNS = (
    "transactID", "account", "currency", "network", "transactType", "amount", "fee",
    "transactStatus", "address", "tx", "text", "orderID", "memo", "transactTime", "timestamp",
    "walletBalance", "marginBalance",
)  # fmt: skip
EXECUTION_COLUMNS = (
    "execID", "orderID", "clOrdID", "clOrdLinkID", "account", "symbol", "side", "lastQty",
    "lastPx", "lastLiquidityInd", "orderQty", "leavesQty", "cumQty", "displayQty", "price",
    "stopPx", "avgPx", "pegOffsetValue", "pegPriceType", "execInst", "contingencyType",
    "triggered", "ordRejReason", "text", "currency", "settlCurrency", "execType", "ordType",
    "timeInForce", "ordStatus", "workingIndicator", "commission", "feeType",
    "tradePublishIndicator", "trdMatchID", "execCost", "execComm", "homeNotional",
    "foreignNotional", "realisedPnl", "brokerCommission", "brokerExecComm", "execCommCcy", "pool",
    "strategy", "trdType", "transactTime", "timestamp",
)  # fmt: skip
ORDER_COLUMNS = (
    "orderID", "clOrdID", "clOrdLinkID", "account", "symbol", "side", "orderQty", "price",
    "displayQty", "stopPx", "pegOffsetValue", "pegPriceType", "currency", "settlCurrency",
    "ordType", "timeInForce", "execInst", "contingencyType", "ordStatus", "triggered",
    "workingIndicator", "ordRejReason", "leavesQty", "cumQty", "avgPx", "text", "strategy",
    "transactTime", "timestamp",
)  # fmt: skip
BAN = Answer(
    403,
    b'<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body bgcolor="white">\r\n'
    b"<center><h1>403 Forbidden</h1></center>\r\n</body>\r\n</html>\r\n",
    (("Server", "awselb/2.0"),), "text/html",
)  # fmt: skip
RATE_LIMIT = "Rate limit exceeded, retry in {} seconds."
FAULTS = {
    "429": Error(429, "RateLimitError", RATE_LIMIT.format(1)),
    "500": Error(500, "HTTPError", "Server Error"),
    "503": Error(
        503, "HTTPError", "The system is currently overloaded. Please try again later."),
    "access_denied": Error(403, "HTTPError", "Access Denied"),
    "ip": Error(403, "HTTPError", keys.WRONG_IP),
}  # fmt: skip
WRITES = {
    ("POST", "/order"): ("order",), ("PUT", "/order"): ("order",),
    ("DELETE", "/order"): ("order", "orderCancel"),
    ("DELETE", "/order/all"): ("order", "orderCancel"),
    ("POST", "/order/closePosition"): ("order",), ("POST", "/position/leverage"): ("order",),
    ("POST", "/user/requestWithdrawal"): ("withdraw",),
    ("DELETE", "/user/withdrawal"): ("withdraw",), ("POST", "/user/walletTransfer"): ("withdraw",),
}  # fmt: skip
"""Routes that change something, and the permissions of which a key needs one."""


class Bitmex(Simulator):
    """The engine's simulator, with token buckets, bans and a ground truth of its own."""

    def __init__(self, world: World) -> None:
        self.plans = make_plans(world)
        self.users = users_of(self.plans)
        self.quota = Quota(world.pace)
        self._merged: dict[tuple[int, ...], Table] = {}
        self._reports: dict[int, Table] = {}
        self._instruments: tuple[int, Table] = (0, table_of([]))
        profile = Profile(
            name="bitmex", keys=make_keys(self.plans), make_card=keys.make_card,
            shown_key=keys.shown_key, authenticate=self.authenticate, before=self.before,
            routes=self.routes(), order=("key", "params", "answer"),
            open_account=lambda world, uid: keep_ledger(self.plans[int(uid)]),
            bad_param=self.bad_param, not_found=Error(404, "HTTPError", "Not Found"),
            no_right=lambda right: FAULTS["access_denied"], too_many=FAULTS["429"],
            write=lambda request, data: write(
                request, data, IDLE_FIELDS.get(request.route.path.removeprefix(BASE), {})),
            error_body=lambda error: {"error": {"message": error.text, "name": error.code}},
            error_type="application/json; charset=utf-8", faults=FAULTS,
        )  # fmt: skip
        super().__init__(profile, world)

    # -- limits and keys

    def handle(self, call: Call) -> Answer:
        """The answer with the headers of its bucket; a refusal counts towards a ban."""
        now = self.clock.now_ms()
        if self.quota.banned(call.ip, now):
            return BAN
        answer = super().handle(call)
        if answer.status != 200:
            self.quota.refused(call.ip, now)
        try:
            key = self._signer(call, now)
        except Refusal:
            key = None
        bucket = self._bucket(call, key, now)
        headers: Headers = (*bucket.headers(now), ("X-Powered-By", "Profit"))
        if key is not None:
            headers += (("X-User-ID", str(self.users[key.uid])),)
        if answer.status == 429:
            headers += (("Retry-After", str(bucket.wait_seconds())),)
        return replace(answer, headers=headers)

    def before(self, call: Call, now: int) -> Answer | None:
        """Check the signature, where there is one, and take a token."""
        bucket = self._bucket(call, self._signer(call, now), now)
        if not bucket.take(now):
            text = RATE_LIMIT.format(bucket.wait_seconds())
            raise refusal(429, text, "RateLimitError")
        return None

    def _signer(self, call: Call, now: int) -> Key | None:
        """The key that signed a call, None for an unsigned one. Raises Refusal."""
        if not keys.is_signed(call):
            return None
        card = self._by_key.get(keys.shown_key(call))
        key = self.keys[card.label] if card else None
        keys.check(call, key, card, now)
        return key

    def _bucket(self, call: Call, key: Key | None, now: int) -> Bucket:
        if key is None:
            return self.quota.bucket(f"address {call.ip}", ADDRESS, now)
        return self.quota.bucket(f"account {key.uid}", ACCOUNT, now)

    @staticmethod
    def authenticate(request: Request, card: Card | None) -> None:
        """A private route needs the key, whose signature is checked by now."""
        if card is None:
            raise refusal(401, "Authorization Required")

    @staticmethod
    def bad_param(request: Request, name: str, problem: Problem) -> Error:
        """The error for an invalid parameter."""
        text, kind = bad_param(request, name, problem)
        return Error(400, kind, text)

    def fault(self, name: str, call: Call) -> Answer | None:
        """The exchange's own error of that name, if it has one."""
        if name == "ban":
            return BAN
        if name == "expired":
            text = keys.EXPIRED.format(self.clock.now_ms() // 1_000)
            return self._refused(Error(400, "HTTPError", text), ())
        answer = super().fault(name, call)
        if answer is None or answer.status != 429:
            return answer
        return replace(answer, headers=(("Retry-After", "1"),))

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """The ground truth of that key's account up to `at`."""
        uid = self.keys[label].uid
        return ground_truth(self.account(uid), int(uid), at, parts)

    # -- public tables

    @cached_property
    def funding(self) -> Table:
        """Every funding rate."""
        return table_of(funding_history(CLOSED_AT))

    @cached_property
    def settlements(self) -> Table:
        """Every settlement of a future."""
        return table_of(settlement_history())

    def instruments(self, request: Request) -> Table:
        """Every instrument; worked out once a day."""
        day = request.now // DAY
        if self._instruments[0] != day:
            self._instruments = (day, small_table(instruments(request.now)))
        return self._instruments[1]

    # -- accounts of one user

    def _family(self, request: Request) -> list[int]:
        """The accounts of the user of a key."""
        assert request.key is not None
        user = self.users[request.key.uid]
        return sorted(int(uid) for uid, owner in self.users.items() if owner == user)

    def _account_of(self, request: Request) -> int:
        """The account a request is about: the key's own, or one paired with it."""
        assert request.key is not None
        target = request.text("targetAccountId")
        if not target:
            return int(request.key.uid)
        if not target.isdigit() or int(target) not in self._family(request):
            raise refusal(403, "Access Denied")
        return int(target)

    def _executions(self, request: Request) -> Table:
        accounts = [self._account_of(request)]
        mixes = self.world.option("bitmex.parent_reads_all", False)
        several = request.text("targetAccountIds") or ("*" if mixes else "")
        if several == "*":
            accounts = self._family(request)
        elif several:
            try:
                accounts = msgspec.json.decode(several, type=list[int])
            except msgspec.MsgspecError:
                raise refusal(400, "targetAccountIds is invalid") from None
            if not set(accounts) <= set(self._family(request)):
                raise refusal(403, "Access Denied")
        found = tuple(accounts)
        if found not in self._merged:
            tables = [self.account(str(account)).executions for account in accounts]
            self._merged[found] = tables[0] if len(tables) == 1 else table_of(
                row for table in tables for row in table.events
            )  # fmt: skip
        return self._merged[found]

    # -- who am I

    def _describe(self, key: Key) -> dict[str, Any]:
        """How the exchange describes a key; the secret is shown once, at creation."""
        card = next(card for card in self.cards() if card.label == key.label)
        bound = {"targetAccountId": int(key.uid)} if key.profile == "subaccount" else {}
        return {
            "id": card.key, "name": key.label, "nonce": 0, "cidrs": list(key.ips),
            "permissions": sorted(key.rights), "enabled": not key.state,
            "userId": self.users[key.uid], "created": iso(self._created(key)), **bound,
        }  # fmt: skip

    def _created(self, key: Key) -> int:
        return self.plans[int(key.uid)].opened_at + 30 * DAY

    def _api_key(self, request: Request) -> Any:
        """Older servers only list the user's keys."""
        assert request.key is not None
        if request.key.profile == "older":
            raise refusal(404, "Not Found")
        return self._describe(request.key)

    def _api_keys(self, request: Request) -> Any:
        family = self._family(request)
        mine = [self._describe(key) for key in self.keys.values() if int(key.uid) in family]
        return mine[::-1] if request.text("reverse") == "true" else mine

    def _user(self, request: Request) -> Any:
        ledger, opened = request.account, iso(request.account.plan.opened_at)
        row: dict[str, Any] = {
            "id": self.users[str(ledger.plan.account)], "username": "demo_user",
            "accountName": "Main", "isUser": True, "email": "d***@example.org",
            "created": opened, "lastUpdated": opened, "preferences": {"locale": "en-US"},
            "TFAEnabled": "GA", "affiliateID": "abc123", "country": "NLD", "geoipCountry": "NL",
            "typ": "Individual",
        }  # fmt: skip
        paid_in = [t.times[0] for (_, kind, _), t in ledger.totals.items() if kind == "Deposit"]
        firsts = {"firstTradeTimestamp": ledger.executions.at[:1],
                  "firstDepositTimestamp": sorted(paid_in)[:1]}  # fmt: skip
        return row | {
            name: iso(at) for name, times in firsts.items() for at in times if at <= request.now
        }

    # -- tables

    def _wallet_history(self, request: Request) -> Table:
        """A currency's rows; unrealised profit comes as the newest rows."""
        currency = request.text("currency")
        ledger: Account = self.account(str(self._account_of(request)))
        table = ledger.wallet.get(currency) or table_of([])
        pseudo = state.pseudo_rows(ledger, currency, request.now)
        return table_of([*table.events, *pseudo], replaced_at) if pseudo else table

    def _life_cycle(self, request: Request) -> Table:
        """Every report on every order, also on those that came to nothing."""
        account = request.account.plan.account
        if account not in self._reports:
            self._reports[account] = life_cycle(request.account)
        return self._reports[account]

    @staticmethod
    def _daily_executions(request: Request) -> Any:
        """The executions behind one daily profit row; nothing for times other than noon."""
        until = request.number("timestamp")
        if not request.text("symbol") or until is None:
            raise refusal(400, "symbol and timestamp are required.", "ValidationError")
        table, symbol = request.account.executions, request.text("symbol").encode()
        if until % DAY != 12 * HOUR:
            return []
        rows = (table.row(n, 0) for n in table.select(request.now, until - DAY, until - 1))
        return [row for row in rows if bytes(row["symbol"]).strip(b'"') == symbol]

    @staticmethod
    def _positions(request: Request) -> Table:
        ledger, now = request.account, request.now
        rows = (state.position_object(ledger, symbol, now) for symbol in sorted(ledger.positions))
        return small_table(row for row in rows if row)

    # -- one answer by currency

    @staticmethod
    def _wallet(request: Request) -> Any:
        ledger, currency = request.account, request.text("currency")
        if currency != "all":
            return state.wallet_object(ledger, currency, request.now)
        return [state.wallet_object(ledger, str(a["currency"]), request.now) for a in ASSETS]

    @staticmethod
    def _summary(request: Request) -> Any:
        ledger, currency = request.account, request.text("currency")
        currencies = ledger.currencies(request.now) if currency == "all" else [currency]
        end = request.number("endTime")
        until = request.now if end is None else min(request.now, end)
        since = request.number("startTime")
        return [row for each in currencies
                for row in state.summary_rows(ledger, each, since, until, request.now)]  # fmt: skip

    @staticmethod
    def _margin(request: Request) -> Any:
        ledger, now, currency = request.account, request.now, request.text("currency")
        if currency != "all":
            return state.margin_object(ledger, currency, now)
        held = [code for code in ledger.currencies(now) if ledger.balance(code, now)]
        return [state.margin_object(ledger, code, now) for code in held]

    @staticmethod
    def _affiliate_status(request: Request) -> Any:
        if request.text("currency") not in SCALES:
            raise refusal(400, "Invalid currency", "ValidationError")
        return state.affiliate_object(request.account, request.text("currency"), request.now)

    @staticmethod
    def _staking(request: Request) -> Any:
        rows, wanted = state.staking_rows(request.account, request.now), request.text("currency")
        return [row for row in rows if wanted in ("", row["currency"])]

    # -- routes

    def routes(self) -> tuple[Route, ...]:
        """Every route; those that change something are there for their refusals."""
        currency = Text("currency", "XBt")

        def private(path: str, answer: Any, *params: Param) -> Route:
            return Route(f"{BASE}{path}", answer, params)

        def public(path: str, answer: Any) -> Route:
            return Route(f"{BASE}{path}", answer, is_public=True)

        def change(method: str, path: str, rights: tuple[str, ...]) -> Route:
            def answer(request: Request) -> Any:
                if request.key is None or request.key.rights.isdisjoint(rights):
                    raise refusal(403, "Access Denied")
                raise refusal(400, "This simulator takes no orders and moves no money.")

            return Route(f"{BASE}{path}", answer, method=method)

        def active(request: Request) -> Any:
            return [row for row in instruments(request.now) if row["state"] == "Open"]

        def nothing(request: Request) -> Any:
            return []

        def events(request: Request) -> Any:
            assert request.key is not None
            return user_events(request, self.users[request.key.uid], self._created(request.key))

        rates = ("timestamp", "symbol", "fundingInterval", "fundingRate", "fundingRateDaily")
        settled = ("timestamp", "symbol", "settlementType", "settledPrice")
        return (
            public("/instrument", rows_of(self.instruments, INSTRUMENT_COLUMNS, ("symbol",))),
            public("/instrument/active", active),
            public("/instrument/activeAndIndices", active),
            public("/funding", rows_of(lambda r: self.funding, rates, ("timestamp", "symbol"))),
            public("/settlement", rows_of(
                lambda r: self.settlements, settled, ("timestamp", "symbol"))),
            public("/wallet/assets", lambda r: list(ASSETS)),
            public("/wallet/networks", lambda r: list(NETWORKS)),
            private("/apiKey", self._api_keys),
            private("/apiKey/self", self._api_key),
            private("/user", self._user),
            private("/user/wallet", self._wallet, currency),
            private("/user/walletHistory", Rows(
                table=self._wallet_history, columns=WALLET_COLUMNS, paging=Offset("start"),
                size=Whole("count", WALLET_LIMIT, 0, WALLET_LIMIT)), currency),
            private("/user/walletSummary", self._summary, currency, *Span().params()),
            private("/user/margin", self._margin, currency),
            private("/user/executionHistory", self._daily_executions, Text("symbol"),
                    Moment("timestamp")),
            private("/user/affiliateStatus", self._affiliate_status, currency),
            private("/user/staking", self._staking),
            private("/user/commission", lambda r: commissions(r.now)),
            private("/user/tradingVolume", lambda r: trading_volume(r.account, r.now)),
            private("/user/depositAddress", deposit_address),
            private("/user/depositAddressInformation", lambda r: {
                "address": deposit_address(r), "memo": None}),
            # These accounts unstake nothing and have no collateral agreement.
            private("/user/unstakingRequests", nothing),
            private("/user/csa", nothing),
            private("/user/getWalletTransferAccounts", nothing),
            private("/userEvent", events, Whole("startId", 1, 0), Whole("count", 100, 0)),
            private("/address", lambda r: state.address_rows(
                r.account, self.users[str(r.account.plan.account)], r.now)),
            private("/position", rows_of(self._positions, state.POSITION_COLUMNS,
                                         ("account", "symbol", "currency"))),
            private("/execution", rows_of(self._life_cycle, EXECUTION_COLUMNS, ("execID",))),
            private("/execution/tradeHistory", rows_of(
                self._executions, EXECUTION_COLUMNS, ("execID",))),
            private("/order", rows_of(
                lambda r: r.account.orders, ORDER_COLUMNS, ("orderID",))),
            *(change(method, path, rights) for (method, path), rights in WRITES.items()),
        )  # fmt: skip


def build(world: World) -> Bitmex:
    """BitMEX over the accounts of a world."""
    return Bitmex(world)
