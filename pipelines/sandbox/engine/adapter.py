"""The interface between the HTTP shell and the simulator of an exchange.

An adapter is a module `pipelines/sandbox/<exchange>/simulator.py` with `build(world) -> Adapter`.
It does not use sockets: it gets a `Call` and returns an `Answer`, quickly, on the event loop's
thread.
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
    """The inputs of every adapter."""

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
    """How long histories continue after `end`, ms."""
    tie_groups: tuple[int, ...] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    """Switches of one adapter, e.g. {"acmex.floor_days": 365}."""

    moves: tuple[Move, ...] = ()
    """Transfers between main accounts of different exchanges."""

    def departures(self, exchange: str) -> tuple[Departure, ...]:
        """The transfers that the main account of that exchange sends."""
        return departures_of(self.moves, exchange)

    def arrivals(self, exchange: str) -> tuple[Arrival, ...]:
        """The transfers that the main account of that exchange receives."""
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
    """One key of one account, as in `accounts` of the sandbox's first line."""

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
    """Another name of the passphrase at some exchanges; shown under both names."""


@dataclass(frozen=True)
class Call:
    """One request, below /<exchange>. Header names are lower case."""

    method: str
    path: str
    """Percent-decoded, e.g. /api/v2/public/time."""
    raw_path: str
    """As received, without the query."""
    query: str
    """As received, without the question mark."""
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
    """The mount point: the adapter gets all requests below /<name>."""

    def cards(self) -> list[Card]:
        """All keys; the main read-only one first."""
        ...

    def label_of(self, call: Call) -> str:
        """The label of a call's key; '' if it has none or an unknown one."""
        ...

    def handle(self, call: Call) -> Answer:
        """The response or refusal. Never raises, whatever the client sends."""
        ...

    def fault(self, name: str, call: Call) -> Answer | None:
        """The exchange's response to an injected fault ('429', '500', '40015', ...).

        None: the shell returns its general response.
        """
        ...

    def truth(self, label: str, at: int, parts: frozenset[str]) -> dict[str, Any]:
        """The ground truth of that key's account up to `at` (Unix ms), in canonical terms.

        `parts`: movements, balances, deposits, withdrawals, trades, transfers, counts.
        """
        ...
