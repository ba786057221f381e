"""Harbor's simulator: its wire contract, written from its documentation."""

from __future__ import annotations

import hashlib
import hmac
from decimal import Decimal
from typing import Any

from pipelines.sandbox.engine.account import (
    DAY,
    Asset,
    Deposit,
    History,
    Market,
    SpotFill,
    Venue,
    Withdrawal,
    exact,
)
from pipelines.sandbox.engine.adapter import Card, World
from pipelines.sandbox.engine.history import generate
from pipelines.sandbox.engine.ledger import Ledger
from pipelines.sandbox.engine.simulator import Simulator
from pipelines.sandbox.engine.table import Table
from pipelines.sandbox.engine.wire import (
    Budget,
    Error,
    Key,
    List,
    Numbered,
    Profile,
    Refusal,
    Request,
    Route,
    Token,
    Whole,
    Window,
)

VENUE = Venue(
    name="harbor", cash="USDT", rewards=(), conversions=False,
    assets=(
        Asset("USDT", 8, Decimal(1), ("TRX",), Decimal(1)),
        Asset("BTC", 8, Decimal(60_000), ("BTC",), Decimal("0.0005")),
    ),
    markets=(Market("BTC-USDT", "BTC", "USDT", 2, 5, 6_000_000),),
)  # fmt: skip
KEYS = (
    Key("harbor-main", "read-only", "801"),
    Key("harbor-withdrawing", "withdrawing", "802", frozenset({"trade", "withdraw"})),
    Key("harbor-disabled", "disabled", "801", state="disabled"),
    Key("harbor-ip-bound", "ip-bound", "801", ips=("203.0.113.7",)),
    Key("harbor-empty", "empty", "803"),
)
BY_IP = Budget(600)
STATES = {"completed": "DONE", "failed": "FAILED", "canceled": "CANCELED"}


class HarborLedger(Ledger):
    """One account, as the lists show it."""

    records = ("trades", "deposits", "withdrawals")

    def __init__(self, history: History, uid: str) -> None:
        super().__init__(history, uid)
        tables: tuple[tuple[str, Any, Any], ...] = (
            ("trades", SpotFill, self._trade),
            ("deposits", Deposit, self._money),
            ("withdrawals", Withdrawal, self._money),
        )
        for name, kind, row in tables:
            events = self.of(kind)
            self.tables |= {name: Table(events, range(1, len(events) + 1), row)}  # type: ignore

    def _trade(self, e: SpotFill, number: int, now: int) -> dict[str, Any]:
        market, scale = e.market, self.scales
        return {
            "id": number, "order": e.order, "pair": market.symbol, "side": e.side,
            "price": exact(e.price, market.price_scale),
            "amount": exact(e.quantity, scale[market.base]),
            "cost": exact(e.quote_amount, scale[market.quote]),
            "fee": exact(e.fee, scale[e.fee_asset]), "fee_coin": e.fee_asset,
            "is_maker": e.is_maker, "time": e.at,
        }  # fmt: skip

    def _money(self, e: Deposit | Withdrawal, number: int, now: int) -> dict[str, Any]:
        is_final, scale = e.done_at <= now, self.scales[e.asset]
        is_sent = isinstance(e, Deposit) or (is_final and e.status == "completed")
        return {
            "id": number, "coin": e.asset, "amount": exact(e.amount, scale),
            "fee": exact(getattr(e, "fee", 0), scale), "network": e.network,
            "address": e.address, "hash": e.tx if is_sent else None,
            "state": STATES[e.status] if is_final else "PENDING",
            "created": e.at, "updated": e.done_at if is_final else e.at,
        }  # fmt: skip


def sign(secret: str, text: str) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def authenticate(request: Request, card: Card | None) -> None:
    """The key, where it is used, the time, and the signature, in this order."""
    call, key = request.call, request.key
    if card is None or key is None:
        raise Refusal(401, "unknown_key", "This key does not exist.")
    if key.state == "disabled" or (key.ips and call.ip not in key.ips):
        raise Refusal(403, "forbidden", "This key may not be used.")
    sent_at = call.headers.get("x-harbor-time", "")
    if not sent_at.isdecimal() or abs(request.now - int(sent_at)) > 30_000:
        raise Refusal(400, "bad_time", "The time is off by more than 30 seconds.")
    target = f"{call.raw_path}?{call.query}" if call.query else call.raw_path
    expected = sign(card.secret, f"{sent_at}{call.method}{target}")
    if not hmac.compare_digest(expected, call.headers.get("x-harbor-sign", "")):
        raise Refusal(401, "bad_signature", "The signature is wrong.")


def holdings(request: Request) -> dict[str, Any]:
    """What is free of each coin, and what pending withdrawals hold."""
    ledger, now = request.account, request.now
    held = ledger.held(now)
    return {"rows": [
        {"coin": coin, "free": exact(amount - held.get(coin, 0), ledger.scales[coin]),
         "held": exact(held.get(coin, 0), ledger.scales[coin])}
        for coin, amount in ledger.balances(now).get("spot", {}).items()
    ]}  # fmt: skip


def owner(request: Request) -> dict[str, Any]:
    """Whose key it is and what it may do."""
    assert request.key is not None
    account = request.account
    return {"uid": account.uid, "created": account.opened_at, "rights": sorted(request.key.rights)}


def money(name: str) -> Route:
    """Deposits or withdrawals: 90 days at most, newest first."""
    wide = Error(400, "bad_request", "More than 90 days.")
    window = Window(start="from", end="to", required=True, most=90 * DAY, too_wide=wide)
    rows = List(table=name, size=Whole("limit", 20, 1, 50), paging=Numbered("page"),
                window=window, shape=lambda page: {"rows": page.rows})  # fmt: skip
    return Route(f"/v1/{name}", rows)


TRADES = List(
    table="trades", size=Whole("limit", 20, 1, 100), paging=Token("cursor", "last id"),
    shape=lambda page: {"rows": page.rows, "next": page.token},
)  # fmt: skip


def build(world: World) -> Simulator:
    """Harbor over the accounts of a world."""

    def open_account(world: World, uid: str) -> HarborLedger:
        plan = world.plan("harbor", VENUE, uid, main=uid == "801", empty=uid == "803")
        return HarborLedger(generate(plan), uid)

    profile = Profile(
        name="harbor",
        keys=KEYS,
        shown_key=lambda call: call.headers.get("x-harbor-key", ""),
        authenticate=authenticate,
        routes=(
            Route("/v1/time", lambda request: {"now": request.now}, is_public=True),
            Route("/v1/account", owner),
            Route("/v1/holdings", holdings),
            Route("/v1/trades", TRADES),
            money("deposits"),
            money("withdrawals"),
        ),
        costs=((BY_IP, 1),),
        open_account=open_account,
        bad_param=lambda request, name, problem: Error(400, "bad_request", f"{name}: {problem}"),
        not_found=Error(404, "not_found", "There is no such route."),
        no_right=lambda right: Error(403, "forbidden", f"This key lacks the right {right}."),
        too_many=Error(429, "too_many", "Too many requests."),
        error_body=lambda error: {"code": error.code, "message": error.text},
        faults={
            "429": Error(429, "too_many", "Too many requests."),
            "500": Error(500, "busy", "Try again later."),
            "503": Error(503, "busy", "Try again later."),
        },
    )  # fmt: skip
    return Simulator(profile, world)
