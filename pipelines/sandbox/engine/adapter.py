"""The interface between the HTTP shell and the simulator of an exchange.

An adapter is a module `pipelines/sandbox/<exchange>/simulator.py` with `build(world) -> Adapter`.
It never sees sockets: a `Call` comes in, an `Answer` goes out, on the event loop's thread and fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from pipelines.sandbox.engine.account import DAY, AccountPlan, Arrival, Departure, Venue
from pipelines.sandbox.engine.clock import Clock
from pipelines.sandbox.engine.moves import Move, arrivals_of, departures_of

SMALL = 60
"""Fills of an account that is not the main one, at most."""


@dataclass(frozen=True, kw_only=True)
class World:
    """What every adapter starts from."""

    clock: Clock
    end: int
    """Where histories end (about now); events after it exist and wait for the clock. Unix ms."""
    seed: int
    fills: int
    """Fills of the main account up to `end`."""
    opened_at: int
    """When main accounts were registered, Unix ms."""
    pace: float | None
    """None: no rate limits. 1.0: the real ones. 20.0: twenty times as fast."""
    future: int
    """How long histories go on after `end`, ms."""
    tie_groups: tuple[int, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Switches of one adapter, e.g. {"acmex.floor_days": 365}."""

    moves: tuple[Move, ...] = ()
    """Money that main accounts of different exchanges send each other."""

    def departures(self, exchange: str) -> tuple[Departure, ...]:
        """What the main account of that exchange sends to the others."""
        return departures_of(self.moves, exchange)

    def arrivals(self, exchange: str) -> tuple[Arrival, ...]:
        """What the main account of that exchange gets from the others."""
        return arrivals_of(self.moves, exchange)

    def plan(
        self, exchange: str, venue: Venue, uid: str, *, main: bool, empty: bool = False
    ) -> AccountPlan:
        """The usual plan of an account: the main one is large, others are small or empty."""
        fills = 0 if empty else self.fills if main else min(self.fills, SMALL)
        return AccountPlan(
            venue=venue, seed=self.seed + int(uid[-2:]), fills=fills, end=self.end,
            opened_at=self.end - 40 * DAY if empty else self.opened_at,
            future=self.future if fills else 0,
            tie_groups=self.tie_groups if main else None,
            arrivals=self.arrivals(exchange) if main else (),
            departures=self.departures(exchange) if main else (),
        )  # fmt: skip

    def is_late(self, now: int) -> bool:
        """Whether the market that was traded only briefly is delisted by now."""
        return now > self.opened_at + (self.end - self.opened_at) // 2

    def option(self, name: str, default: Any) -> Any:
        """The switch of that name, or its default."""
        return self.options.get(name, default)


@dataclass(frozen=True, kw_only=True)
class Card:
    """One key of one account, as `accounts` of the sandbox's first line says it."""

    exchange: str
    label: str
    key: str
    secret: str
    uid: str
    profile: str
    """read-only, tax, trading, withdrawing, disabled, ip-bound, empty, ..."""
    account_id: str
    passphrase: str = ""
    memo: str = ""
    """What some exchanges call a passphrase; shown under both names."""


@dataclass(frozen=True)
class Call:
    """One request, below /<exchange>. Header names are lower case."""

    method: str
    path: str
    """Percent-decoded, e.g. /api/v2/public/time."""
    raw_path: str
    """As it came over the wire, without the query."""
    query: str
    """As it came over the wire, without the question mark."""
    headers: Mapping[str, str]
    ip: str
    body: bytes = b""

    @property
    def decoded_query(self) -> str:
        """The query with percent escapes resolved (`+` stays `+`)."""
        return unquote(self.query)

    def params(self) -> dict[str, str]:
        """The query's parameters, the last one wins; blanks are kept."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True)
class Answer:
    """One response; the shell adds Date and Content-Length."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"


class Adapter(Protocol):
    """One exchange's simulator."""

    name: str
    """The mount point: everything below /<name> comes here."""

    def cards(self) -> list[Card]:
        """Every key there is; the main read-only one first."""
        ...

    def label_of(self, call: Call) -> str:
        """The label of the key a call shows, '' when it shows none or an unknown one."""
        ...

    def handle(self, call: Call) -> Answer:
        """The answer, refusals included. Never raises for what a client may send."""
        ...

    def fault(self, name: str, call: Call) -> Answer | None:
        """This exchange's own shape of an injected fault ('429', '500', '40015', ...).

        None lets the shell answer in its general shape.
        """
        ...

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """What really happened to that key's account up to `at` (Unix ms), canonical words.

        `parts`: movements, balances, deposits, withdrawals, trades, transfers, counts.
        """
        ...
